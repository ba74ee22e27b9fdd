import { stringTensor } from '../../src/base/tensor.ts';
import { int, ints, shapeAttr, type } from '../../src/graph/attr.ts';
import type { OpName } from '../../src/graph/ops/index.ts';
import type { OpCase } from '../graph-case.ts';
import { codes, f32, f32s, i32, i32s, i64, integers, normal, numbers, truths, uniform } from './values.ts';

const at = (op: OpName, name: string, inputs: OpCase['inputs'], attrs: OpCase['attrs'] = {}): OpCase => ({
  name,
  op,
  inputs,
  attrs,
});
const text = stringTensor(['a', '', 'ümlaut', 'a longer one'], [2, 2]);

/** Ops that give their input back. */
const same: readonly OpName[] = [
  'Identity',
  'Snapshot',
  'StopGradient',
  'PreventGradient',
  'DebugGradientIdentity',
  'GuaranteeConst',
  'DeepCopy',
];

/** Of strings TensorFlow has no kernel of these; one in a graph would keep it from running the others. */
const numbersOnly = new Set<OpName>(['DeepCopy', 'Snapshot']);

/** Moving elements about, shapes, and what passes values on. */
export function arrayCases(): OpCase[] {
  return [...passing(), ...moving(), ...gathering(), ...updating(), ...simulated()];
}

const passing = (): OpCase[] => [
  ...same.flatMap((op) => [
    at(op, 'float32', [normal([2, 3])]),
    at(op, 'rank 0', [i32s(7)]),
    at(op, 'empty', [normal([0, 2])]),
    ...(numbersOnly.has(op) ? [] : [at(op, 'strings', [text])]),
  ]),
  ...(['quint8', 'qint8'] as const).map((T) => at('Identity', T, [codes(T, [2, 5])])),
  at('IdentityN', 'three types', [normal([2]), i32(1, 2), text]),
  at('EnsureShape', 'fits', [normal([2, 3])], { shape: shapeAttr([null, 3]) }),
  at('EnsureShape', 'does not fit', [normal([2, 3])], { shape: shapeAttr([null, 4]) }),
  at('PlaceholderWithDefault', 'default', [normal([2, 3])], { shape: shapeAttr([2, 3]) }),
  at('Empty', 'zeroed', [i32(2, 3)], { dtype: type('float32'), init: true }),
];

function moving(): OpCase[] {
  const x = normal([2, 3, 4]);
  const shapes = [[6, 4], [-1], [2, 3, 2, 2], [24], [1, -1, 1]];
  return [
    ...shapes.map((shape) => at('Reshape', `to [${shape}]`, [x, i32(...shape)])),
    ...[
      [0, 1, 2],
      [2, 1, 0],
      [1, 0, 2],
    ].map((perm) => at('Transpose', `[${perm}]`, [x, i32(...perm)])),
    ...[0, 1, 2, -1].map((axis) =>
      at('ConcatV2', `axis ${axis}`, [x, normal([2, 3, 4]), normal([2, 3, 4]), i32s(axis)], { N: int(3) }),
    ),
    ...[0, 1, 2, 3].map((axis) => at('Pack', `axis ${axis}`, [x, normal([2, 3, 4])], { axis: int(axis) })),
    ...[0, 1, 2].map((axis) => at('Unpack', `axis ${axis}`, [x], { axis: int(axis), num: int([2, 3, 4][axis]!) })),
    ...[
      [0, 0, 0],
      [1, 2, 1],
    ].map((begin) => at('Slice', `from [${begin}]`, [x, i32(...begin), i32(-1, 1, 2)])),
    ...(['Pad', 'MirrorPad'] as const).map((op) =>
      at(op, 'uneven', [x, numbers('int32', [0, 1, 2, 0, 1, 1], [3, 2])], op === 'Pad' ? {} : { mode: 'REFLECT' }),
    ),
    ...(['quint8', 'qint8'] as const).flatMap((T) => [
      at('Pad', T, [codes(T, [1, 3, 3, 4]), numbers('int32', [0, 0, 1, 2, 0, 1, 0, 0], [4, 2])]),
      at('Reshape', T, [codes(T, [2, 3, 4]), i32(6, -1)]),
      at('Squeeze', T, [codes(T, [2, 1, 4])], { squeeze_dims: ints([1]) }),
      at('ExpandDims', T, [codes(T, [2, 4]), i32s(1)]),
      at('Slice', T, [codes(T, [4, 5]), i32(1, 2), i32(2, 3)]),
      at('StridedSlice', T, [codes(T, [4, 5]), i32(0, 4), i32(4, 0), i32(2, -1)]),
    ]),
    ...stridedSlices(),
    at('Tile', 'twice and thrice', [x, i32(2, 1, 3)]),
    at('ParallelConcat', 'two', [normal([1, 3]), normal([1, 3])], { shape: shapeAttr([2, 3]) }),
    ...(['SpaceToDepth', 'DepthToSpace'] as const).map((op) =>
      at(op, 'blocks of 2', [normal([1, 4, 6, 8])], { block_size: int(2) }),
    ),
    at('SpaceToBatchND', 'padded', [normal([1, 5, 7, 2]), i32(2, 3), numbers('int32', [0, 1, 1, 1], [2, 2])]),
    at('BatchToSpaceND', 'cropped', [normal([6, 3, 3, 2]), i32(2, 3), numbers('int32', [0, 1, 1, 1], [2, 2])]),
    at('ReverseSequence', 'lengths', [normal([3, 5]), i64(2, 0, 5)], { seq_dim: int(1), batch_dim: int(0) }),
    at('Roll', 'two axes', [x, i32(1, -3), i32(0, 2)]),
  ];
}

/** Masks and signs: begin, end, strides, then begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask. */
const slices: readonly (readonly [number[], number[], number[], ...number[]])[] = [
  [[0, 0], [2, 3], [1, 1], 0, 0, 0, 0, 0],
  [[-1, 0], [0, 3], [-1, 2], 0, 0, 0, 0, 0],
  [[1, 0], [0, 0], [1, 1], 0, 2, 0, 0, 1],
  [[0, 1], [0, 2], [1, 1], 0, 0, 1, 0, 2],
  [[0, 0, 0], [0, 0, 9], [1, 1, 3], 0, 0, 1, 2, 0],
  [[5, 5], [9, 9], [1, 1], 3, 3, 0, 0, 0],
  [[2, 0], [1, 3], [1, 1], 0, 0, 0, 0, 0],
];
const stridedSlices = (): OpCase[] =>
  slices.map(([begin, end, steps, ...masks], i) => {
    const [b = 0, e = 0, ellipsis = 0, fresh = 0, shrink = 0] = masks;
    const attrs = {
      begin_mask: int(b),
      end_mask: int(e),
      ellipsis_mask: int(ellipsis),
      new_axis_mask: int(fresh),
      shrink_axis_mask: int(shrink),
    };
    return at('StridedSlice', `masks ${i}`, [normal([2, 3, 4]), i32(...begin), i32(...end), i32(...steps)], attrs);
  });

const gathering = (): OpCase[] => [
  ...[0, 1, -1].map((axis) =>
    at('GatherV2', `axis ${axis}`, [normal([4, 5, 3]), integers('int32', [2, 3], 0, 2), i32s(axis)]),
  ),
  at('GatherV2', 'batched', [normal([2, 5, 3]), integers('int32', [2, 4], 0, 4), i32s(1)], { batch_dims: int(1) }),
  at('GatherV2', 'beyond the end', [normal([4]), i32(4), i32s(0)]),
  at('GatherNd', 'pairs', [normal([4, 5, 3]), integers('int32', [2, 3, 2], 0, 3)]),
  at('Where', 'random', [truths([5, 7])]),
  at('SelectV2', 'broadcast', [truths([4, 1]), normal([3]), normal([4, 3])]),
  at('Select', 'rows', [truths([4]), normal([4, 3]), normal([4, 3])]),
  ...[1, 7].map((high) => at('UniqueWithCountsV2', `up to ${high}`, [integers('int32', [40], 0, high), i64(0)])),
  at('UniqueWithCountsV2', 'rows', [integers('int32', [9, 2], 0, 1), i64(0)]),
  at('OneHot', 'out of range', [numbers('int32', [0, 2, -1, 7]), i32s(4), f32s(2), f32s(-1)], { axis: int(0) }),
  ...[0, 2, -1].map((k) => at('MatrixDiagPartV2', `k ${k}`, [normal([2, 4, 5]), i32s(k), f32s(9)])),
  at('MatrixDiagPartV2', 'band', [normal([4, 5]), i32(-1, 2), f32s(9)]),
  at('MatrixDiagV2', 'k 1', [normal([2, 3]), i32s(1), i32s(-1), i32s(-1), f32s(7)]),
  at('MatrixDiagV2', 'band', [normal([2, 3]), i32(-1, 0), i32s(3), i32s(4), f32s(7)]),
  at('MatrixSetDiagV2', 'k 1', [normal([4, 4]), normal([3]), i32s(1)]),
];

const updating = (): OpCase[] => [
  ...(['InplaceAdd', 'InplaceSub', 'InplaceUpdate'] as const).map((op) =>
    at(op, 'rows', [normal([4, 3]), i32(2, 0), normal([2, 3])]),
  ),
  at('ScatterNdNonAliasingAdd', 'rows', [normal([4, 3]), numbers('int32', [2, 0], [2, 1]), normal([2, 3])]),
  ...(['DynamicStitch', 'ParallelDynamicStitch'] as const).map((op) =>
    at(op, 'interleaved', [i32(0, 2, 4), i32(1, 3, 5), normal([3, 2]), normal([3, 2])]),
  ),
  at('ScatterNd', 'same row twice', [numbers('int32', [1, 1, 0], [3, 1]), normal([3, 2]), i32(4, 2)]),
  at('Print', 'two', [normal([2]), f32(1, 2)], { message: 'seen: ' }),
  at('StringJoin', 'separated', [text, text], { separator: '-' }),
  at('StaticRegexReplace', 'letters', [text], { pattern: '[a-c]+', rewrite: '<\\0>' }),
  at('AsString', 'floats', [uniform([5], -9, 9)], { precision: int(3) }),
];

/** Fake quantization, old and new. */
const simulated = (): OpCase[] => [
  ...[true, false].map((signed_input) =>
    at('QuantizeAndDequantize', `signed ${signed_input}`, [normal([999])], {
      signed_input,
      num_bits: int(8),
      range_given: false,
    }),
  ),
  at('QuantizeAndDequantize', 'range given', [normal([999])], {
    range_given: true,
    input_min: { float: -2 },
    input_max: { float: 1.5 },
  }),
  at('QuantizedReluX', 'quint8', [codes('quint8', [999]), f32s(3), f32s(-1.3), f32s(6)], { out_type: type('quint8') }),
  at('StatelessRandomGetAlg', 'any', []),
];
