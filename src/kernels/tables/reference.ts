import { UserError } from '../../base/errors.ts';
import { type Tensor, tensor, tensorOf, textAt } from '../../base/tensor.ts';
import { readAttr } from '../../graph/attr.ts';
import type { Node } from '../../graph/graph.ts';
import type { OpName } from '../../graph/ops/index.ts';
import type { ReferenceKernel, Resources } from '../reference-kernel.ts';
import { Table } from './table.ts';
import { fillFromText } from './text-file.ts';

/** Tables are found again by their shared name (or the node's); their handles hold them. */
const open =
  (isMutable: boolean): ReferenceKernel =>
  (_inputs, node, { session }) => {
    const name = readAttr(node, 'shared_name', 'string', '') || node.name;
    const known = session.get(name);
    const table = known instanceof Table ? known : newTable(node, isMutable);
    session.set(name, table);
    return [tensor('resource', [], [table])];
  };

const anonymous =
  (isMutable: boolean): ReferenceKernel =>
  (_inputs, node) => [tensor('resource', [], [newTable(node, isMutable)])];

const newTable = (node: Node, isMutable: boolean): Table =>
  new Table(readAttr(node, 'key_dtype', 'type'), readAttr(node, 'value_dtype', 'type'), isMutable);

function tableOf(handle: Tensor): Table {
  const [held] = handle.data as unknown as readonly unknown[];
  if (held instanceof Table) return held;
  throw new UserError('the handle is not that of a lookup table');
}

const insert: ReferenceKernel = ([handle, keys, values]) => {
  tableOf(handle!).insertAll(keys!, values!);
  return [];
};

/** TensorFlow fills an immutable table once; later initializers find it full and leave it. */
const initialize: ReferenceKernel = (inputs, node, resources) => {
  const table = tableOf(inputs[0]!);
  table.isFilled = true;
  return table.size > 0 ? [] : insert(inputs, node, resources);
};

const initializeFromText: ReferenceKernel = ([handle, filename], node, resources: Resources) => {
  const table = tableOf(handle!);
  table.isFilled = true;
  if (table.size > 0) return [];
  const file = textAt(filename as Tensor<'string'>, 0);
  const contents = resources.assets.get(file);
  if (contents === undefined)
    throw new UserError(
      `reads the file '${file}', which is not among the model's assets`,
      {},
      'load the whole SavedModel',
    );
  try {
    fillFromText(table, contents, {
      keyIndex: readAttr(node, 'key_index', 'int'),
      valueIndex: readAttr(node, 'value_index', 'int'),
      delimiter: readAttr(node, 'delimiter', 'string', '\t'),
      vocabSize: readAttr(node, 'vocab_size', 'int', -1),
      offset: readAttr(node, 'offset', 'int', 0),
    });
  } catch (error) {
    if (error instanceof UserError) throw new UserError(error.what, { file }, error.remedy, { cause: error });
    throw error;
  }
  return [];
};

const find: ReferenceKernel = ([handle, keys, otherwise]) => [tableOf(handle!).find(keys!, otherwise!)];
const size: ReferenceKernel = ([handle]) => [tensorOf('int64', [tableOf(handle!).size], [])];
const exportAll: ReferenceKernel = ([handle]) => tableOf(handle!).export();

/** Lookup tables: immutable ones filled by initializers, and those that graphs fill as they run. */
export const tablesReference = {
  AnonymousHashTable: anonymous(false),
  AnonymousMutableHashTable: anonymous(true),
  HashTable: open(false),
  HashTableV2: open(false),
  InitializeTable: initialize,
  InitializeTableFromTextFile: initializeFromText,
  InitializeTableFromTextFileV2: initializeFromText,
  InitializeTableV2: initialize,
  LookupTableExport: exportAll,
  LookupTableExportV2: exportAll,
  LookupTableFind: find,
  LookupTableFindV2: find,
  LookupTableImport: insert,
  LookupTableImportV2: insert,
  LookupTableInsert: insert,
  LookupTableInsertV2: insert,
  LookupTableRemoveV2: ([handle, keys]) => {
    tableOf(handle!).remove(keys!);
    return [];
  },
  LookupTableSize: size,
  LookupTableSizeV2: size,
  MutableDenseHashTable: open(true),
  MutableDenseHashTableV2: open(true),
  MutableHashTable: open(true),
  MutableHashTableV2: open(true),
} satisfies Partial<Record<OpName, ReferenceKernel>>;
