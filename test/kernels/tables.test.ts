import { describe, expect, it } from 'vitest';
import { numbersOf, stringTensor, type Tensor, tensorOf } from '../../src/base/tensor.ts';
import { type AttrInputs, int, type } from '../../src/graph/attr.ts';
import { builder } from '../../src/graph/builder.ts';
import { type Graph, value } from '../../src/graph/graph.ts';
import type { Model } from '../../src/graph/model.ts';
import { openReference } from '../../src/runtime/reference/open.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const ofTable: AttrInputs = { key_dtype: type('string'), value_dtype: type('int64'), shared_name: 'words' };

/** A table filled by an initializer, and looked up by another node of the same name. */
function vocabulary(fill: AttrInputs, file = 'vocab.txt'): Graph {
  const b = builder();
  const made = b.node('HashTableV2', 'made', [], ofTable);
  const name = b.constant('name', stringTensor([file], []));
  b.node('InitializeTableFromTextFileV2', 'fill', [made, name], fill);
  const table = b.node('HashTableV2', 'table', [], ofTable);
  const keys = b.constant('keys', stringTensor(['the', 'cat', 'dog']));
  const otherwise = b.constant('otherwise', tensorOf('int64', [-1], []));
  b.node('LookupTableFindV2', 'find', [table, keys, otherwise], { Tin: type('string'), Tout: type('int64') });
  b.node('LookupTableSizeV2', 'size', [table]);
  return b.graph();
}

async function look(graph: Graph, contents: string): Promise<number[][]> {
  const assets = new Map([['vocab.txt', bytes(contents)]]);
  const model: Model = { graph, inputs: [], outputs: [], initializers: ['fill'], assets };
  const runner = await openReference(model, [value('find'), value('size')]);
  return (await runner.run(new Map())).map(numbersOf);
}

describe('lookup tables from text files', () => {
  const wholeLine = { key_index: int(-2), value_index: int(-1) };

  it('maps lines to their numbers', async () => {
    expect(await look(vocabulary(wholeLine), 'the\r\ncat\n')).toEqual([[0, 1, -1], [2]]);
    expect(await look(vocabulary({ ...wholeLine, vocab_size: int(1) }), 'the\ncat\n')).toEqual([[0, -1, -1], [1]]);
    expect(await look(vocabulary({ ...wholeLine, offset: int(10) }), 'the\ncat')).toEqual([[10, 11, -1], [2]]);
  });

  it('maps columns to columns', async () => {
    const columns = { key_index: int(1), value_index: int(0), delimiter: ' ' };
    expect(await look(vocabulary(columns), '7 cat\n-2 the\n')).toEqual([[-2, 7, -1], [2]]);
  });

  it.each([
    [wholeLine, 'the\n\ncat\n', 'line 2 of the vocabulary is empty'],
    [wholeLine, 'the\nthe\n', "the key 'the' has two values, 0 and 1"],
    [{ ...wholeLine, vocab_size: int(3) }, 'the\n', 'the vocabulary has 1 lines; 3 are wanted'],
    [{ key_index: int(0), value_index: int(1) }, 'the\n', 'has no column 1'],
    [{ key_index: int(0), value_index: int(1) }, 'the\tx\n', "line 1 of the vocabulary: 'x' is not int64"],
  ])('names the line that does not fit (%#)', async (fill, contents, message) => {
    const failing = look(vocabulary(fill), contents);
    await expect(failing).rejects.toThrow(message);
    await expect(failing).rejects.toThrow("vocab.txt, node 'fill' (InitializeTableFromTextFileV2)");
  });

  it('reads only the assets of the model', async () => {
    await expect(look(vocabulary(wholeLine, '/etc/passwd'), 'the\n')).rejects.toThrow(
      "reads the file '/etc/passwd', which is not among the model's assets",
    );
  });
});

describe('mutable tables', () => {
  it('take new values, and give all of them back', async () => {
    const b = builder();
    const table = b.node('MutableHashTableV2', 'table', [], { key_dtype: type('int64'), value_dtype: type('float32') });
    const keys = b.constant('keys', tensorOf('int64', [5, 7, 5]));
    const values = b.constant('values', tensorOf('float32', [1, 2, 3]));
    b.node('LookupTableInsertV2', 'insert', [table, keys, values]);
    const all = { ...b.node('LookupTableExportV2', 'all', [table]) };
    const graph = b.graph();
    const exported = graph.node('all');
    const ordered = graph.with(
      [...graph.nodes.values()].map((n) => (n === exported ? { ...n, controls: ['insert'] } : n)),
    );
    const model: Model = { graph: ordered, inputs: [], outputs: [], initializers: [], assets: new Map() };
    const runner = await openReference(model, [all, { ...all, port: 1 }]);
    const out = await runner.run(new Map());
    expect(out.map((t: Tensor) => numbersOf(t))).toEqual([
      [5, 7],
      [3, 2],
    ]);
  });
});
