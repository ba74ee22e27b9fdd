import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { stringTensor } from '../../../src/base/tensor.ts';
import { int, shapeAttr, type } from '../../../src/graph/attr.ts';
import type { OpName } from '../../../src/graph/ops/index.ts';
import { type GraphCase, node } from '../../graph-case.ts';
import { f32, f32s, i64, numbers } from '../values.ts';
import { graph, T } from './constants.ts';

/** An op with resource handles and the one with reference handles that it replaced. */
type Version = 'V2' | '';
const versions: readonly Version[] = ['V2', ''];
const versioned = (op: string, version: Version) => `${op}${version}` as OpName;
const named = (name: string, version: Version) => `${name}${version === '' ? ', old' : ''}`;

const wanted = stringTensor(['cat', 'dog', 'the', '']);
const nothing = numbers('int64', [-1], []);
const words = { key_dtype: type('string'), value_dtype: type('int64') };
const wordsToNumbers = { Tin: type('string'), Tout: type('int64') };

/** Lookup tables: filled once, filled from files, filled as the graph runs. */
export const tables = (): GraphCase[] => [
  ...versions.flatMap((version) => [...filledOnce(version), ...fromText(version), ...mutable(version)]),
  dense(),
  ...anonymous(),
];

function filledOnce(version: Version): GraphCase[] {
  const values = {
    keys: stringTensor(['the', 'cat', 'sat']),
    numbers: i64(10, 11, 12),
    wanted,
    otherwise: nothing,
  };
  const table = (shared_name: string) =>
    node(versioned('HashTable', version), 'table', [], {
      ...words,
      shared_name: `conformance/${shared_name}${version}`,
    });
  const find = node(versioned('LookupTableFind', version), 'find', ['table', 'wanted', 'otherwise'], wordsToNumbers);
  const fill = (keys: string, as: string) =>
    node(versioned('InitializeTable', version), as, ['table', keys, 'numbers'], {
      Tkey: type('string'),
      Tval: type('int64'),
    });
  return [
    graph(
      named('table, filled once', version),
      values,
      [table('once'), fill('keys', 'fill'), find, node(versioned('LookupTableSize', version), 'size', ['table'])],
      ['find', 'size'],
      { setup: ['fill'] },
    ),
    graph(
      named('table, a key twice', version),
      { ...values, twice: stringTensor(['the', 'cat', 'the']) },
      [table('twice'), fill('twice', 'fill'), find],
      ['find'],
      { setup: ['fill'] },
    ),
    graph(named('table, never filled', version), values, [table('empty'), find], ['find']),
  ];
}

/** Lines of text: a word a line with its number, or two columns. */
function fromText(version: Version): GraphCase[] {
  const path = fileURLToPath(new URL('../../../test/fixtures/conformance/words.tsv', import.meta.url));
  const assets = new Map([[path, readFileSync(path)]]);
  // Which column is the key and which the value: -1 is the line's number, -2 the whole line.
  const columns = [
    { name: 'line to number', key_index: -2, value_index: -1, key: 'string', value: 'int64' },
    { name: 'word to its second column', key_index: 0, value_index: 1, key: 'string', value: 'int64' },
    { name: 'number to word', key_index: -1, value_index: 0, key: 'int64', value: 'string' },
    { name: 'only the first two', key_index: 0, value_index: -1, vocab_size: 2, key: 'string', value: 'int64' },
    { name: 'fewer lines than asked', key_index: 0, value_index: -1, vocab_size: 9, key: 'string', value: 'int64' },
    { name: 'no such column', key_index: 0, value_index: 5, key: 'string', value: 'int64' },
    { name: 'another delimiter', key_index: 0, value_index: -1, delimiter: ' ', key: 'string', value: 'int64' },
  ] as const;
  return columns.map(({ name, key_index, value_index, key, value, ...rest }, i) => {
    const lookup = { Tin: type(key), Tout: type(value) };
    return graph(
      named(`table from a file, ${name}`, version),
      {
        file: stringTensor([path], []),
        wanted: key === 'string' ? stringTensor(['cat', 'dog', 'cat\t11', 'a b']) : i64(0, 3, 9, -1),
        otherwise: value === 'string' ? stringTensor(['?'], []) : nothing,
      },
      [
        node(versioned('HashTable', version), 'table', [], {
          key_dtype: type(key),
          value_dtype: type(value),
          shared_name: `conformance/file ${i}${version}`,
        }),
        node(versioned('InitializeTableFromTextFile', version), 'fill', ['table', 'file'], {
          key_index: int(key_index),
          value_index: int(value_index),
          ...('vocab_size' in rest ? { vocab_size: int(rest.vocab_size) } : {}),
          ...('delimiter' in rest ? { delimiter: rest.delimiter } : {}),
        }),
        node(versioned('LookupTableFind', version), 'find', ['table', 'wanted', 'otherwise'], lookup),
        node(versioned('LookupTableSize', version), 'size', ['table']),
      ],
      ['find', 'size'],
      { setup: ['fill'], assets },
    );
  });
}

const toFloats = { key_dtype: type('int64'), value_dtype: T };
const integers = { k: i64(5, 7, 5), v: f32(1, 2, 3), ask: i64(7, 9, 5), none: f32s(-1) };
const inOut = { Tin: type('int64'), Tout: T };

function mutable(version: Version): GraphCase[] {
  const of = (op: string) => versioned(op, version);
  return [
    graph(
      named('mutable table', version),
      integers,
      [
        node(of('MutableHashTable'), 'table', [], toFloats),
        node(of('LookupTableInsert'), 'insert', ['table', 'k', 'v'], inOut),
        node(of('LookupTableFind'), 'find', ['table', 'ask', 'none', '^insert'], inOut),
        node(of('LookupTableImport'), 'import', ['table', 'ask', 'v', '^find'], inOut),
        node(of('LookupTableFind'), 'again', ['table', 'k', 'none', '^import'], inOut),
        node(of('LookupTableSize'), 'size', ['table', '^again']),
      ],
      ['find', 'size', 'again'],
    ),
    graph(
      named('mutable table, exported', version),
      { k: i64(5), v: f32(3) },
      [
        node(of('MutableHashTable'), 'table', [], toFloats),
        node(of('LookupTableInsert'), 'insert', ['table', 'k', 'v'], inOut),
        node(of('LookupTableExport'), 'all', ['table', '^insert'], { Tkeys: type('int64'), Tvalues: T }),
      ],
      ['all', 'all:1'],
    ),
  ];
}

/** The old op's kernel cannot be run: it asks for an input that the op has not. */
const dense = (): GraphCase =>
  graph(
    'dense table',
    { ...integers, empty: nothing, deleted: numbers('int64', [-2], []) },
    [
      node('MutableDenseHashTableV2', 'table', ['empty', 'deleted'], { ...toFloats, value_shape: shapeAttr([]) }),
      node('LookupTableInsertV2', 'insert', ['table', 'k', 'v'], inOut),
      node('LookupTableFindV2', 'find', ['table', 'ask', 'none', '^insert'], inOut),
      node('LookupTableSizeV2', 'size', ['table', '^find']),
    ],
    ['find', 'size'],
  );

/** Tables without a name, and removing. */
function anonymous(): GraphCase[] {
  const removing = (['MutableHashTableV2', 'AnonymousMutableHashTable'] as const).map((op) =>
    graph(
      `mutable table, ${op}, removed`,
      integers,
      [
        node(op, 'table', [], toFloats),
        node('LookupTableInsertV2', 'insert', ['table', 'k', 'v'], inOut),
        node('LookupTableFindV2', 'find', ['table', 'ask', 'none', '^insert'], inOut),
        node('LookupTableRemoveV2', 'remove', ['table', 'k', '^find'], { Tin: type('int64') }),
        node('LookupTableSizeV2', 'size', ['table', '^remove']),
        node('LookupTableImportV2', 'import', ['table', 'ask', 'v', '^size'], inOut),
        node('LookupTableFindV2', 'again', ['table', 'k', 'none', '^import'], inOut),
      ],
      ['find', 'size', 'again'],
    ),
  );
  return [
    ...removing,
    graph(
      'table by reference',
      { keys: stringTensor(['the', 'cat']), numbers: i64(10, 11), wanted, otherwise: nothing },
      [
        node('HashTable', 'table', [], { ...words, shared_name: 'conformance/reference' }),
        node('RefIdentity', 'same', ['table'], { T: type('string') }),
        node('InitializeTable', 'fill', ['same', 'keys', 'numbers'], { Tkey: type('string'), Tval: type('int64') }),
        node('LookupTableFind', 'find', ['same', 'wanted', 'otherwise', '^fill'], wordsToNumbers),
      ],
      ['find'],
    ),
    graph(
      'table without a name',
      { keys: stringTensor(['the', 'cat']), numbers: i64(10, 11), wanted, otherwise: nothing },
      [
        node('AnonymousHashTable', 'table', [], words),
        node('InitializeTableV2', 'fill', ['table', 'keys', 'numbers'], { Tkey: type('string'), Tval: type('int64') }),
        node('LookupTableFindV2', 'find', ['table', 'wanted', 'otherwise', '^fill'], wordsToNumbers),
        node('LookupTableSizeV2', 'size', ['table', '^fill']),
      ],
      ['find', 'size'],
    ),
  ];
}
