import { stringTensor } from '../../../src/base/tensor.ts';
import { int, shapeAttr, type, types } from '../../../src/graph/attr.ts';
import { constNode } from '../../../src/graph/constant.ts';
import { Graph, type GraphFunction, type Node, parseValue } from '../../../src/graph/graph.ts';
import { type GraphCase, node } from '../../graph-case.ts';
import { codes, f32s, i32s, i64, normal, numbers } from '../values.ts';
import { graph, T } from './constants.ts';

export function flow(): GraphCase[] {
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
      'a stand-in for an output that nobody reads',
      {},
      [
        node('FakeParam', 'fake', [], { dtype: type('float32'), shape: shapeAttr([2, 0, 3]) }),
        node('FakeParam', 'unread', [], { dtype: type('int64'), shape: shapeAttr([4]) }),
        // What is in it is nobody's to say, its shape is.
        node('Shape', 'shape', ['unread'], { T: type('int64'), out_type: type('int32') }),
      ],
      ['fake', 'shape'],
    ),
    graph(
      'Switch to one of three',
      { x, which: i32s(1) },
      [
        node('_SwitchN', 's', ['x', 'which'], { T, num_outs: int(3) }),
        node('Neg', 'second', ['s:1'], { T }),
        node('Abs', 'third', ['s:2'], { T }),
        node('Merge', 'm', ['s', 'second', 'third'], { T, N: int(3) }),
      ],
      ['m', 'm:1'],
    ),
    {
      ...graph(
        'only an order',
        {},
        [
          node('PlaceholderV2', 'fed', [], { dtype: T, shape: shapeAttr([2, 3]) }),
          node('Identity', 'first', ['fed'], { T }),
          node('NoOp', 'nothing', ['^first']),
          node('ControlTrigger', 'trigger', ['^nothing']),
          node('Identity', 'y', ['fed', '^trigger'], { T }),
        ],
        ['y'],
      ),
      feeds: new Map([['fed', x]]),
    },
    graph(
      'printing',
      { x, s: stringTensor(['seen'], []) },
      [node('PrintV2', 'print', ['s'], {}), node('Identity', 'y', ['x', '^print'], { T })],
      ['y'],
    ),
    graph(
      'a constant of each type',
      {
        a: codes('quint8', [3]),
        b: codes('qint8', [2, 2]),
        c: i64(1, -2),
        d: stringTensor(['the', 'cat', '']),
        e: f32s(1),
      },
      [],
      ['a', 'b', 'c', 'd', 'e'],
    ),
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

/** Functions and what calls them. */
export function functions(): GraphCase[] {
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
      fn('conformance_more', ['i', 'n'], ['s'], [node('AddV2', 's', ['i', 'n'], I)]),
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
        node('For', 'for', ['zero', 'n', 'x', 'x'], { T: types(['int32']), body: func('more') }),
        node(i === 0 ? 'PartitionedCall' : 'StatefulPartitionedCall', 'call', ['x'], { ...ends(1), f: func('double') }),
      ],
      ['w', 'w:1', 'yes', 'no', 'case', 'for', 'call'],
      { library },
    ),
  );
}
