import { stringTensor, type Tensor } from '../../src/base/tensor.ts';
import { type AttrInputs, int, ints, shapeAttr, type, types } from '../../src/graph/attr.ts';
import { constNode } from '../../src/graph/constant.ts';
import { Graph, type GraphFunction, type Node, parseValue } from '../../src/graph/graph.ts';
import { type GraphCase, node, placeholder, pooled } from '../graph-case.ts';
import { codes, f32, f32s, i32, i32s, i64, normal, numbers } from './values.ts';

/** Ops that are more than a function of their inputs, each in a small graph: state, lists, tables, control flow, functions. */
export const graphCases = (): GraphCase[] => [
  ...lists(),
  ...arrays(),
  ...variables(),
  ...tables(),
  ...optionals(),
  ...flow(),
  ...functions(),
];

const T = type('float32');
const element_dtype = T;
const dtype = T;
const constants = (values: Readonly<Record<string, Tensor>>): Node[] =>
  Object.entries(values).map(([name, t]) => constNode(name, t));

/** A graph over constants; nodes are run in the order of their edges. */
const graph = (
  name: string,
  values: Readonly<Record<string, Tensor>>,
  nodes: readonly Node[],
  fetches: readonly string[],
  more: Partial<GraphCase> = {},
): GraphCase => ({
  name,
  nodes: [...constants(values), ...nodes],
  feeds: new Map(),
  fetches,
  ...more,
});

function lists(): GraphCase[] {
  const x = normal([4, 2]);
  const any = i32s(-1);
  const from = node('TensorListFromTensor', 'list', ['x', 'row'], { element_dtype, shape_type: type('int32') });
  const base = { x, row: i32(2), any, one: i32s(1), four: i32s(4) };
  const list = (
    name: string,
    nodes: readonly Node[],
    fetches: readonly string[],
    more: Readonly<Record<string, Tensor>> = {},
  ) => graph(`TensorList ${name}`, { ...base, ...more }, [from, ...nodes], fetches);
  const stack = (of: string, as = 'stack') => node('TensorListStack', as, [of, 'any'], { element_dtype });
  return [
    list(
      'items',
      [
        node('TensorListLength', 'length', ['list']),
        node('TensorListElementShape', 'shape', ['list'], { shape_type: type('int32') }),
        node('TensorListGetItem', 'item', ['list', 'one', 'any'], { element_dtype }),
        node('TensorListSetItem', 'set', ['list', 'one', 'new'], { element_dtype }),
        stack('set'),
      ],
      ['length', 'shape', 'item', 'stack'],
      { new: f32(7, 8) },
    ),
    list(
      'push, pop',
      [
        node('TensorListPushBack', 'longer', ['list', 'new'], { element_dtype }),
        node('TensorListPopBack', 'popped', ['longer', 'any'], { element_dtype }),
        stack('longer', 'all'),
        stack('popped'),
      ],
      ['all', 'stack', 'popped:1'],
      { new: f32(7, 8) },
    ),
    list(
      'gather, scatter',
      [
        node('TensorListGather', 'gathered', ['list', 'order', 'any'], { element_dtype }),
        node('TensorListScatter', 'old', ['x', 'order', 'row'], { element_dtype, shape_type: type('int32') }),
        node('TensorListScatterV2', 'scattered', ['x', 'order', 'row', 'four'], {
          element_dtype,
          shape_type: type('int32'),
        }),
        node('TensorListScatterIntoExistingList', 'into', ['list', 'x', 'order'], { element_dtype }),
        stack('old', 'a'),
        stack('scattered', 'b'),
        stack('into', 'c'),
      ],
      ['gathered', 'a', 'b', 'c'],
      { order: i32(2, 0, 3, 1) },
    ),
    list(
      'split, concat',
      [
        node('TensorListConcat', 'concat', ['list2'], { element_dtype, element_shape: shapeAttr([null, 2]) }),
        node('TensorListSplit', 'list2', ['x', 'rows', 'lengths'], { element_dtype, shape_type: type('int32') }),
        node('TensorListConcatV2', 'concat2', ['list2', 'rows', 'none'], { element_dtype, shape_type: type('int32') }),
      ],
      ['concat', 'concat:1', 'concat2', 'concat2:1'],
      { rows: i32(-1, 2), lengths: i64(3, 1), none: i64() },
    ),
    list(
      'reserve, resize',
      [
        node('TensorListReserve', 'reserved', ['row', 'four'], { element_dtype, shape_type: type('int32') }),
        node('TensorListResize', 'resized', ['list', 'six']),
        node('EmptyTensorList', 'empty', ['row', 'four'], { element_dtype, shape_type: type('int32') }),
        node('TensorListLength', 'length', ['empty']),
        stack('reserved', 'a'),
        stack('resized', 'b'),
      ],
      ['a', 'b', 'length'],
      { six: i32s(6) },
    ),
    list(
      'joined lists',
      [
        node('TensorListConcatLists', 'joined', ['list', 'list'], { element_dtype }),
        stack('joined', 'a'),
        node('Reshape', 'single', ['list', 'vector'], { T: type('variant') }),
        node('TensorListPushBackBatch', 'pushed', ['single', 'batch'], { element_dtype }),
        node('Reshape', 'unpacked', ['pushed', 'none'], { T: type('variant') }),
        stack('unpacked', 'b'),
      ],
      ['a', 'b'],
      { batch: normal([1, 2]), vector: i32(1), none: i32() },
    ),
  ];
}

function arrays(): GraphCase[] {
  const flow = ':1';
  const made = (size: string, given: AttrInputs = {}) => node('TensorArrayV3', 'array', [size], { dtype, ...given });
  const values = { x: normal([4, 2]), four: i32s(4), two: i32s(2), one: i32s(1), order: i32(2, 0, 3, 1) };
  return [
    graph(
      'TensorArray scatter, gather, read',
      values,
      [
        made('four', { clear_after_read: false }),
        node('TensorArrayScatterV3', 'scatter', ['array', 'order', 'x', `array${flow}`], { T }),
        node('TensorArrayGatherV3', 'gather', ['array', 'order', 'scatter'], { dtype }),
        node('TensorArrayReadV3', 'read', ['array', 'one', 'scatter'], { dtype }),
        node('TensorArraySizeV3', 'size', ['array', 'scatter']),
      ],
      ['gather', 'read', 'size'],
    ),
    graph(
      'TensorArray write, close',
      { ...values, row: f32(1, 2) },
      [
        made('two', { element_shape: shapeAttr([2]) }),
        node('TensorArrayWriteV3', 'write', ['array', 'one', 'row', `array${flow}`], { T }),
        node('TensorArrayReadV3', 'read', ['array', 'one', 'write'], { dtype }),
        node('TensorArrayCloseV3', 'close', ['array', '^read']),
        node('Identity', 'y', ['read', '^close'], { T }),
      ],
      ['y'],
    ),
    graph(
      'TensorArray split, concat',
      { ...values, lengths: i64(3, 1) },
      [
        made('two'),
        node('TensorArraySplitV3', 'split', ['array', 'x', 'lengths', `array${flow}`], { T }),
        node('TensorArrayConcatV3', 'concat', ['array', 'split'], { dtype }),
      ],
      ['concat', 'concat:1'],
    ),
  ];
}

function variables(): GraphCase[] {
  const handle = (name: string) => node('VarHandleOp', 'v', [], { dtype, shape: shapeAttr([3, 2]), shared_name: name });
  const read = (after: string, as: string) => node('ReadVariableOp', as, ['v', `^${after}`], { dtype });
  const values = { x: normal([3, 2]), d: normal([3, 2]), rows: i32(2, 0) };
  return [
    graph(
      'variable, assigned',
      values,
      [
        handle('conformance/assigned'),
        node('AssignVariableOp', 'assign', ['v', 'x'], { dtype }),
        node('AssignAddVariableOp', 'add', ['v', 'd', '^assign'], { dtype }),
        read('add', 'added'),
        node('AssignSubVariableOp', 'sub', ['v', 'x', '^added'], { dtype }),
        read('sub', 'less'),
        node('VariableShape', 'shape', ['v', '^less'], { out_type: type('int32') }),
        node('ResourceGather', 'gathered', ['v', 'rows', '^less'], { dtype, Tindices: type('int32') }),
        node('VarIsInitializedOp', 'there', ['v', '^less']),
        node('DisableCopyOnRead', 'copy', ['v', '^there']),
        node('DestroyResourceOp', 'destroy', ['v', '^gathered', '^shape', '^copy']),
        node('VarIsInitializedOp', 'gone', ['v', '^destroy']),
      ],
      ['added', 'less', 'shape', 'gathered', 'there', 'gone'],
    ),
    graph(
      'variable, never assigned',
      {},
      [handle('conformance/never'), node('ReadVariableOp', 'read', ['v'], { dtype })],
      ['read'],
    ),
  ];
}

const keys = stringTensor(['the', 'cat', 'sat']);
const wanted = stringTensor(['cat', 'dog', 'the', '']);

function tables(): GraphCase[] {
  const of = { key_dtype: type('string'), value_dtype: type('int64') };
  const io = { Tin: type('string'), Tout: type('int64') };
  const values = {
    keys,
    numbers: i64(10, 11, 12),
    wanted,
    otherwise: numbers('int64', [-1], []),
    more: stringTensor(['dog', 'the']),
    moreNumbers: i64(5, 6),
  };
  const mutable = { key_dtype: type('int64'), value_dtype: T };
  const integers = { k: i64(5, 7, 5), v: f32(1, 2, 3), ask: i64(7, 9, 5), none: f32s(-1) };
  const inOut = { Tin: type('int64'), Tout: T };
  return [
    graph(
      'table, filled once',
      values,
      [
        node('HashTableV2', 'table', [], { ...of, shared_name: 'conformance/once' }),
        node('InitializeTableV2', 'fill', ['table', 'keys', 'numbers'], { Tkey: type('string'), Tval: type('int64') }),
        node('LookupTableFindV2', 'find', ['table', 'wanted', 'otherwise'], io),
        node('LookupTableSizeV2', 'size', ['table']),
      ],
      ['find', 'size'],
      { setup: ['fill'] },
    ),
    graph(
      'table, never filled',
      values,
      [
        node('HashTableV2', 'table', [], { ...of, shared_name: 'conformance/empty' }),
        node('LookupTableFindV2', 'find', ['table', 'wanted', 'otherwise'], io),
      ],
      ['find'],
    ),
    ...(['MutableHashTableV2', 'AnonymousMutableHashTable'] as const).map((op) =>
      graph(
        `mutable table, ${op}`,
        integers,
        [
          node(op, 'table', [], mutable),
          node('LookupTableInsertV2', 'insert', ['table', 'k', 'v'], inOut),
          node('LookupTableFindV2', 'find', ['table', 'ask', 'none', '^insert'], inOut),
          node('LookupTableRemoveV2', 'remove', ['table', 'k', '^find'], { Tin: type('int64') }),
          node('LookupTableSizeV2', 'size', ['table', '^remove']),
          node('LookupTableImportV2', 'import', ['table', 'ask', 'v', '^size'], inOut),
          node('LookupTableFindV2', 'again', ['table', 'k', 'none', '^import'], inOut),
        ],
        ['find', 'size', 'again'],
      ),
    ),
    graph(
      'mutable table, exported',
      { k: i64(5), v: f32(3) },
      [
        node('MutableHashTableV2', 'table', [], mutable),
        node('LookupTableInsertV2', 'insert', ['table', 'k', 'v'], inOut),
        node('LookupTableExportV2', 'all', ['table', '^insert'], { Tkeys: type('int64'), Tvalues: T }),
      ],
      ['all', 'all:1'],
    ),
    graph(
      'dense table',
      { ...integers, empty: numbers('int64', [-1], []), deleted: numbers('int64', [-2], []) },
      [
        node('MutableDenseHashTableV2', 'table', ['empty', 'deleted'], { ...mutable, value_shape: shapeAttr([]) }),
        node('LookupTableInsertV2', 'insert', ['table', 'k', 'v'], inOut),
        node('LookupTableFindV2', 'find', ['table', 'ask', 'none', '^insert'], inOut),
        node('LookupTableSizeV2', 'size', ['table', '^find']),
      ],
      ['find', 'size'],
    ),
  ];
}

function optionals(): GraphCase[] {
  const shapes = { output_types: types(['float32']), output_shapes: { list: { shapes: [[3]] } } };
  return [
    graph(
      'Optional',
      { x: normal([3]) },
      [
        node('OptionalFromValue', 'some', ['x'], { Toutput_types: types(['float32']) }),
        node('OptionalHasValue', 'has', ['some']),
        node('OptionalGetValue', 'got', ['some'], shapes),
        node('OptionalNone', 'none'),
        node('OptionalHasValue', 'hasNone', ['none']),
      ],
      ['has', 'got', 'hasNone'],
    ),
    graph(
      'Optional without a value',
      {},
      [node('OptionalNone', 'none'), node('OptionalGetValue', 'got', ['none'], shapes)],
      ['got'],
    ),
  ];
}

function flow(): GraphCase[] {
  const x = normal([2, 3]);
  const asserted = (name: string, value: number) =>
    graph(
      name,
      { ok: numbers('int32', [value], []), x },
      [
        node('Cast', 'truth', ['ok'], { SrcT: type('int32'), DstT: type('bool') }),
        node('Assert', 'assert', ['truth', 'x'], { T: types(['float32']) }),
        node('Identity', 'y', ['x', '^assert'], { T }),
      ],
      ['y'],
    );
  const branch = (name: string, value: number) =>
    graph(
      name,
      { ok: numbers('int32', [value], []), x },
      [
        node('Cast', 'p', ['ok'], { SrcT: type('int32'), DstT: type('bool') }),
        node('Switch', 's', ['x', 'p'], { T }),
        node('Neg', 'off', ['s'], { T }),
        node('Abs', 'on', ['s:1'], { T }),
        node('Merge', 'm', ['off', 'on'], { T, N: int(2) }),
      ],
      ['m', 'm:1'],
    );
  return [
    asserted('an assertion that holds', 1),
    asserted('an assertion that fails', 0),
    branch('Switch and Merge, on', 1),
    branch('Switch and Merge, off', 0),
    graph('a loop of TensorFlow 1', { zero: i32s(0), ten: i32s(10), three: i32s(3) }, loop(), ['exit', 'outer']),
    graph(
      'printing',
      { x, s: stringTensor(['seen'], []) },
      [node('PrintV2', 'print', ['s'], {}), node('Identity', 'y', ['x', '^print'], { T })],
      ['y'],
    ),
    graph(
      'a constant of each type',
      { a: codes('quint8', [3]), b: codes('qint8', [2, 2]), c: i64(1, -2), d: keys, e: f32s(1) },
      [],
      ['a', 'b', 'c', 'd', 'e'],
    ),
    summed(),
  ];
}

/** Three more until ten. */
function loop(): Node[] {
  const I = { T: type('int32') };
  const enter = (name: string, from: string, is_constant: boolean) =>
    node('Enter', name, [from], { ...I, frame_name: 'loop', is_constant, parallel_iterations: int(1) });
  return [
    enter('start', 'zero', false),
    enter('limit', 'ten', true),
    enter('step', 'three', true),
    node('Merge', 'merge', ['start', 'next'], { ...I, N: int(2) }),
    node('Less', 'less', ['merge', 'limit'], I),
    node('LoopCond', 'cond', ['less']),
    node('Switch', 'switch', ['merge', 'cond'], I),
    node('AddV2', 'more', ['switch:1', 'step'], I),
    node('NextIteration', 'next', ['more'], I),
    node('Exit', 'exit', ['switch'], I),
    node('Neg', 'outer', ['exit'], I),
  ];
}

/** The figure-1b form of the residual add: no fixture has it, since its summand must be computed. */
function summed(): GraphCase {
  const x = codes('quint8', [1, 5, 5, 4]);
  const z = codes('quint8', [1, 5, 5, 6]);
  const w = codes('qint8', [3, 3, 4, 6]);
  return {
    ...graph(
      'QuantizedConv2DWithBiasSumAndRelu',
      { w, b: normal([6]), lx: f32s(0), hx: f32s(2.5), lw: f32s(-0.9), hw: f32s(0.9) },
      [],
      [],
    ),
    nodes: [
      ...constants({ w, b: normal([6]), lx: f32s(0), hx: f32s(2.5), lw: f32s(-0.9), hw: f32s(0.9) }),
      placeholder('x', x),
      placeholder('z', z),
      ...pooled('z', z),
      node('Cast', 'z32', ['z'], { SrcT: type('quint8'), DstT: type('qint32') }),
      node('QuantizedConv2DWithBias', 'first', ['x', 'w', 'b', 'lx', 'hx', 'lw', 'hw'], {
        Tinput: type('quint8'),
        Tfilter: type('qint8'),
        out_type: type('qint32'),
        strides: ints([1, 1, 1, 1]),
        padding: 'SAME',
      }),
      node('Dequantize', 'firstFloat', ['first', 'first:1', 'first:2'], { T: type('qint32'), mode: 'MIN_FIRST' }),
      node('QuantizedConv2DWithBiasSumAndRelu', 'op', ['x', 'w', 'b', 'lx', 'hx', 'lw', 'hw', 'firstFloat'], {
        Tinput: type('quint8'),
        Tfilter: type('qint8'),
        out_type: type('qint32'),
        strides: ints([1, 1, 1, 1]),
        padding: 'SAME',
      }),
    ],
    feeds: new Map([
      ['x', x],
      ['z', z],
    ]),
    fetches: ['op', 'op:1', 'op:2'],
  };
}

function functions(): GraphCase[] {
  const I = { T: type('int32') };
  const fn = (
    name: string,
    args: readonly string[],
    results: readonly string[],
    nodes: readonly Node[],
  ): GraphFunction => ({
    name,
    args,
    results: results.map((text, i) => ({ name: `r${i}`, value: parseValue(text) })),
    body: new Graph([...args.map((arg, i) => node('_Arg', arg, [], { ...I, index: int(i) })), ...nodes]),
  });
  const library = new Map(
    [
      fn('conformance_less', ['i', 'n'], ['c'], [node('Less', 'c', ['i', 'n'], I)]),
      fn('conformance_step', ['i', 'n'], ['j', 'n'], [constNode('one', i32s(1)), node('AddV2', 'j', ['i', 'one'], I)]),
      fn('conformance_double', ['x'], ['y'], [node('AddV2', 'y', ['x', 'x'], I)]),
      fn('conformance_negative', ['x'], ['y'], [node('Neg', 'y', ['x'], I)]),
    ].map((f) => [f.name, f]),
  );
  const func = (name: string) => ({ func: { name: `conformance_${name}`, attrs: new Map() } });
  const ends = (ins: number, outs = ins) => ({
    Tin: types(Array(ins).fill('int32')),
    Tout: types(Array(outs).fill('int32')),
  });
  const two = { Tcond: type('int32'), ...ends(1) };
  const sides = { then_branch: func('double'), else_branch: func('negative') };
  const values = { x: i32s(3), n: i32s(9), zero: i32s(0) };
  return (['StatelessWhile', 'While'] as const).map((loopOp, i) =>
    graph(
      `functions, ${i === 0 ? 'stateless' : 'stateful'}`,
      values,
      [
        node(loopOp, 'w', ['x', 'n'], { T: types(['int32', 'int32']), cond: func('less'), body: func('step') }),
        node(i === 0 ? 'StatelessIf' : 'If', 'yes', ['n', 'x'], { ...two, ...sides }),
        node(i === 0 ? 'StatelessIf' : 'If', 'no', ['zero', 'x'], { ...two, ...sides }),
        node(i === 0 ? 'StatelessCase' : 'Case', 'case', ['n', 'x'], {
          ...ends(1),
          branches: { list: { funcs: [func('double').func, func('negative').func] } },
        }),
        node(i === 0 ? 'PartitionedCall' : 'StatefulPartitionedCall', 'call', ['x'], { ...ends(1), f: func('double') }),
      ],
      ['w', 'w:1', 'yes', 'no', 'case', 'call'],
      { library },
    ),
  );
}
