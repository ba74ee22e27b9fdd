import { describe, expect, it } from 'vitest';
import { tensorOf } from '../../src/base/tensor.ts';
import { constantRanges } from '../../src/compile/constant-ranges.ts';
import { partition, segmentOp } from '../../src/compile/partition.ts';
import { int, ints, type } from '../../src/graph/attr.ts';
import type { Graph, Value } from '../../src/graph/graph.ts';
import { referenceKernel } from '../../src/runtime/native/open.ts';
import { type Codes, net, port } from './graphs.ts';

/** What each segment of a graph computes, and the ops around them. */
function parts(graph: Graph, fed: readonly Value[], fetches: readonly Value[]) {
  const made = partition(constantRanges(graph, referenceKernel), fed, fetches);
  const segments = [...made.segments.values()].map((segment) =>
    segment.graph
      .order()
      .map((node) => node.op)
      .filter((op) => op !== 'Const' && op !== '_OctetInput'),
  );
  const around = [...made.graph.nodes.values()].map((node) => node.op);
  return { ...made, ops: segments, around: around.filter((op) => op !== 'Const') };
}

const conv = 'QuantizedConv2DWithBiasAndReluAndRequantize';

describe('partition', () => {
  it('takes all that it can into one segment', () => {
    const n = net(1);
    const x = n.input('x', [1, 5, 5, 4]);
    const y = n.concat([n.conv(x), n.conv(n.conv(x))]);
    const { ops, around, fetches } = parts(n.b.graph(), [x.codes], [y.codes]);
    expect(ops).toEqual([[conv, conv, conv, 'QuantizedConcatV2']]);
    expect(around).toEqual(['Placeholder', segmentOp]);
    expect(fetches).toEqual([{ node: 'segment_0', port: 0 }]);
  });

  it('makes a new one behind what it can’t compile, and none that a way leaves and comes back to', () => {
    const n = net(1);
    const x = n.input('x', [1, 5, 5, 4]);
    const a = n.conv(x, { out: 4 });
    const flipped = n.b.node(
      'ReverseV2',
      'flip',
      [a.codes, n.b.constant('axes', { dtype: 'int32', shape: [1], data: Int32Array.of(1) })],
      {
        T: type('quint8'),
        Tidx: type('int32'),
      },
    );
    const y = n.concat([n.conv(a, { out: 3 }), n.conv({ ...a, codes: flipped }, { out: 3 })]);
    const { ops, around } = parts(n.b.graph(), [x.codes], [y.codes]);
    expect(ops).toEqual([
      [conv, conv],
      [conv, 'QuantizedConcatV2'],
    ]);
    expect(around).toEqual(['Placeholder', 'ReverseV2', segmentOp, segmentOp]);
  });

  it('keeps out of branches and loops, which may not run or run again', () => {
    const n = net(1);
    const x = n.input('x', [1, 5, 5, 4]);
    const p = n.b.input('p', 'bool', []);
    const branch = n.b.node('Switch', 'switch', [x.codes, p], { T: type('quint8') });
    const inBranch = n.conv({ ...x, codes: port(branch, 1) });
    const merged = n.b.node('Merge', 'merge', [inBranch.codes, x.codes], { T: type('quint8'), N: { int: 2 } });
    const enter = n.b.node('Enter', 'enter', [x.codes], { T: type('quint8'), frame_name: 'loop' });
    const inLoop = n.conv({ ...x, codes: enter });
    const left = n.b.node('Exit', 'exit', [inLoop.codes], { T: type('quint8') });
    const behind = n.conv({ ...x, codes: left });
    const { ops } = parts(n.b.graph(), [x.codes, p], [merged, behind.codes]);
    expect(ops).toEqual([[conv]]);
  });

  it('computes shapes from shapes inside of a segment, and needs constant weights', () => {
    const n = net(1);
    const x = n.input('x', [1, 5, 5, 4]);
    const y = n.conv(x, { out: 4 });
    const shape = n.b.node('Shape', 'shape', [y.codes], { T: type('quint8'), out_type: type('int32') });
    const back = n.b.node('Reshape', 'back', [y.codes, shape], { T: type('quint8'), Tshape: type('int32') });
    const fedWeights: Codes = n.input('w', [1, 1, 4, 8], 'qint8');
    const odd = n.b.node(
      'QuantizedConv2D',
      'odd',
      [y.codes, fedWeights.codes, y.min, y.max, fedWeights.min, fedWeights.max],
      {
        Tinput: type('quint8'),
        Tfilter: type('qint8'),
        strides: ints([1, 1, 1, 1]),
        padding: 'SAME',
      },
    );
    const last = n.conv({ ...y, codes: back });
    const { ops, around } = parts(n.b.graph(), [x.codes, fedWeights.codes], [last.codes, odd]);
    expect(ops).toEqual([[conv, 'Shape', 'Reshape', conv]]);
    expect(around).toContain('QuantizedConv2D');
  });

  it('puts what leaves a loop behind all that the loop reads, and takes several outputs of one node', () => {
    const n = net(1);
    const x = n.input('x', [1, 5, 5, 4]);
    const T = { T: type('quint8') };
    // The loop's own way in is short; its body reads what a segment has computed.
    const enter = n.b.node('Enter', 'enter', [x.codes], { ...T, frame_name: 'loop' });
    const merge = n.b.node('Merge', 'merge', [enter, { node: 'next', port: 0 }], { ...T, N: int(2) });
    const cond = n.b.node('LoopCond', 'cond', [
      n.b.constant('always', { dtype: 'bool', shape: [], data: Uint8Array.of(0) }),
    ]);
    const turn = n.b.node('Switch', 'switch', [merge, cond], T);
    const first = n.conv(x, { out: 4 });
    const outer = n.b.node('Enter', 'outer', [first.codes], { ...T, frame_name: 'loop', is_constant: true });
    const body = n.b.node('ReverseV2', 'body', [port(turn, 1), outer], T);
    n.b.node('NextIteration', 'next', [body], T);
    const exit = n.b.node('Exit', 'exit', [turn], T);
    const halves = n.b.node('Split', 'halves', [n.b.constant('axis', tensorOf('int32', [3], [])), exit], {
      ...T,
      num_split: int(2),
    });
    const half = { ...x, shape: [1, 5, 5, 2] };
    const y = n.concat([
      n.conv({ ...half, codes: halves }),
      n.conv({ ...half, codes: port(halves, 1) }),
      n.conv(first),
    ]);
    const { ops, segments, graph } = parts(n.b.graph(), [x.codes], [y.codes]);
    expect(ops).toEqual([
      [conv, conv],
      [conv, conv, 'QuantizedConcatV2'],
    ]);
    expect(segments.get('segment_1')!.inputs).toContainEqual({ node: 'halves', port: 1 });
    expect(() => graph.order()).not.toThrow();
  });
});
