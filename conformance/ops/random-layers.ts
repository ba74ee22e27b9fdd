import { float, int, ints, strings, type } from '../../src/graph/attr.ts';
import type { OpName } from '../../src/graph/ops/index.ts';
import type { OpCase } from '../graph-case.ts';
import { codes, f32s, i32, i32s, normal, uniform } from './values.ts';

const at = (op: OpName, name: string, inputs: OpCase['inputs'], attrs: OpCase['attrs'] = {}): OpCase => ({
  name,
  op,
  inputs,
  attrs,
});
const square = (n: number) => ints([1, n, n, 1]);

/** Odd sizes, even windows, strides larger than windows: where SAME pads more at the end. */
const windows = [
  { size: 7, window: 3, stride: 1, dilation: 1 },
  { size: 8, window: 3, stride: 2, dilation: 1 },
  { size: 9, window: 2, stride: 3, dilation: 1 },
  { size: 9, window: 3, stride: 1, dilation: 2 },
  { size: 5, window: 1, stride: 1, dilation: 1 },
  { size: 11, window: 5, stride: 2, dilation: 1 },
] as const;
const paddings = ['SAME', 'VALID'] as const;

/** Convolutions, products, poolings, normalizations, resizing. */
export function layerCases(): OpCase[] {
  return [...convolutions(), ...products(), ...poolings(), ...normalizations(), ...resizes(), ...quantizations()];
}

function convolutions(): OpCase[] {
  const plain = windows.flatMap(({ size, window, stride, dilation }) =>
    paddings.flatMap((padding) => {
      const name = `${size}, ${window} × ${window}, stride ${stride}, dilation ${dilation}, ${padding}`;
      const attrs = { strides: square(stride), padding, dilations: square(dilation) };
      const x = normal([2, size, size + 1, 5]);
      const isUsual = stride === 1 || dilation === 1;
      return [
        at('Conv2D', name, [x, normal([window, window, 5, 7])], attrs),
        ...(isUsual ? [at('DepthwiseConv2dNative', name, [x, normal([window, window, 5, 2])], attrs)] : []),
      ];
    }),
  );
  const explicit = { strides: square(2), padding: 'EXPLICIT', explicit_paddings: ints([0, 0, 1, 2, 0, 3, 0, 0]) };
  const back = { strides: square(2), padding: 'SAME' };
  const fused = (ops: readonly string[]) => ({
    strides: square(1),
    padding: 'SAME',
    fused_ops: strings(ops),
    num_args: int(1),
  });
  return [
    ...plain,
    at('Conv2D', 'explicit padding', [normal([1, 7, 7, 3]), normal([3, 3, 3, 4])], explicit),
    at('Conv2D', 'no picture', [normal([0, 7, 7, 3]), normal([3, 3, 3, 4])], { strides: square(1), padding: 'SAME' }),
    at('Conv2D', 'groups', [normal([1, 7, 7, 6]), normal([3, 3, 2, 4])], { strides: square(1), padding: 'SAME' }),
    at('Conv2DBackpropInput', 'stride 2', [i32(1, 8, 8, 3), normal([3, 3, 3, 4]), normal([1, 4, 4, 4])], back),
    at('Conv2DBackpropInputV2', 'stride 2', [normal([1, 8, 8, 3]), normal([3, 3, 3, 4]), normal([1, 4, 4, 4])], back),
    ...['Relu', 'Relu6', 'Elu'].map((op) =>
      at('_FusedConv2D', op, [normal([1, 6, 6, 3]), normal([3, 3, 3, 4]), normal([4])], {
        ...fused(['BiasAdd', op]),
        TArgs: { list: { types: ['float32'] } },
      }),
    ),
  ];
}

function products(): OpCase[] {
  const flags = [true, false].flatMap((a) => [true, false].map((b) => [a, b] as const));
  return [
    ...flags.flatMap(([a, b]) => {
      const [x, y] = [normal(a ? [65, 7] : [7, 65]), normal(b ? [9, 65] : [65, 9])];
      return [
        at('MatMul', `${a} ${b}`, [x, y], { transpose_a: a, transpose_b: b }),
        at('SparseMatMul', `${a} ${b}`, [x, y], { transpose_a: a, transpose_b: b, a_is_sparse: true }),
        at('BatchMatMulV2', `broadcast ${a} ${b}`, [normal([2, 1, ...x.shape]), normal([3, ...y.shape])], {
          adj_x: a,
          adj_y: b,
        }),
      ];
    }),
    at('MatMul', 'nothing to sum', [normal([3, 0]), normal([0, 4])]),
    at('_FusedMatMul', 'relu', [normal([5, 17]), normal([17, 6]), normal([6])], {
      num_args: int(1),
      fused_ops: strings(['BiasAdd', 'Relu']),
    }),
    ...['ij,jk->ik', 'bij,bkj->bik', 'ij->ji', 'ii->i', 'ij,ij->', '...ij,jk->...ik'].map((equation) => {
      const count = equation.split('->')[0]!.split(',').length;
      const shape = equation.startsWith('b') || equation.startsWith('...') ? [2, 4, 4] : [4, 4];
      const inputs = Array.from({ length: count }, (_, i) =>
        normal(i === 1 && equation.startsWith('...') ? [4, 4] : shape),
      );
      return at('Einsum', equation, inputs, { equation });
    }),
  ];
}

const poolings = (): OpCase[] =>
  windows
    .filter(({ dilation }) => dilation === 1)
    .flatMap(({ size, window, stride }) =>
      paddings.flatMap((padding) => {
        const name = `${size}, ${window} × ${window}, stride ${stride}, ${padding}`;
        const attrs = { ksize: square(window), strides: square(stride), padding };
        const q = codes('quint8', [2, size, size, 5]);
        const s = codes('qint8', [2, size, size, 5]);
        return [
          at('MaxPool', name, [normal([2, size, size + 2, 3])], attrs),
          at('AvgPool', name, [normal([2, size, size + 2, 3])], attrs),
          at('MaxPoolWithArgmax', name, [normal([2, size, size, 3])], attrs),
          ...(['QuantizedMaxPool', 'QuantizedAvgPool'] as const).flatMap((op) => [
            at(op, `quint8 ${name}`, [q, f32s(0), f32s(3)], attrs),
            at(op, `qint8 ${name}`, [s, f32s(-3), f32s(3)], attrs),
          ]),
        ];
      }),
    );

function normalizations(): OpCase[] {
  const c = 8;
  const parts = [normal([c]), normal([c]), normal([c]), uniform([c], 0.1, 2)];
  const x = normal([2, 5, 5, c], 3);
  const inference = { is_training: false, epsilon: float(0.001) };
  return [
    ...(['FusedBatchNorm', 'FusedBatchNormV2', 'FusedBatchNormV3'] as const).map((op) =>
      at(op, 'inference', [x, ...parts], inference),
    ),
    ...['Relu'].map((activation_mode) =>
      at('_FusedBatchNormEx', activation_mode, [x, ...parts], {
        ...inference,
        num_side_inputs: int(0),
        activation_mode,
      }),
    ),
    ...[1, 2, 5].map((radius) =>
      at('LRN', `radius ${radius}`, [normal([1, 3, 3, 9], 4)], {
        depth_radius: int(radius),
        alpha: float(0.3),
        beta: float(0.75),
      }),
    ),
    ...[
      [3, 5],
      [2, 3, 7],
      [1, 1],
      [4, 1001],
    ].flatMap((shape) => [
      at('Softmax', `[${shape}]`, [normal(shape, 5)]),
      at('LogSoftmax', `[${shape}]`, [normal(shape, 5)]),
    ]),
    at('Softmax', 'large', [normal([3, 9], 500)]),
    ...[false, true].map((sorted) =>
      at('TopKV2', `sorted ${sorted}`, [normal([3, 40]), i32s(sorted ? 7 : 40)], { sorted: true }),
    ),
  ];
}

const resizes = (): OpCase[] =>
  (['ResizeBilinear', 'ResizeNearestNeighbor', 'ResizeBicubic', 'ResizeArea'] as const).flatMap((op) =>
    [
      [5, 7],
      [11, 3],
      [1, 1],
      [4, 4],
    ].flatMap((size) =>
      [
        [false, false],
        [true, false],
        [false, true],
      ].flatMap(([align_corners = false, half_pixel_centers = false]) =>
        half_pixel_centers && op === 'ResizeArea'
          ? []
          : [
              at(
                op,
                `to ${size}${align_corners ? ', corners' : ''}${half_pixel_centers ? ', half pixels' : ''}`,
                [normal([2, 6, 4, 3]), i32(...size)],
                {
                  align_corners,
                  ...(op === 'ResizeArea' ? {} : { half_pixel_centers }),
                },
              ),
            ],
      ),
    ),
  );

/** Every mode of QuantizeV2 and Dequantize over 4,099 elements, ends beyond the range included. */
function quantizations(): OpCase[] {
  const x = normal([4099], 2);
  const modes = ['SCALED', 'MIN_FIRST', 'MIN_COMBINED'] as const;
  const types = ['quint8', 'qint8'] as const;
  return modes.flatMap((mode) =>
    types.flatMap((T) => [
      ...[
        [0, 2.7],
        [-1.3, 2.7],
        [-4.1, 0],
      ].flatMap(([low, high]) =>
        (mode === 'SCALED'
          ? (['HALF_TO_EVEN', 'HALF_AWAY_FROM_ZERO'] as const)
          : (['HALF_AWAY_FROM_ZERO'] as const)
        ).flatMap((round_mode) =>
          (mode === 'SCALED' ? [false, true] : [false]).map((narrow_range) =>
            at(
              'QuantizeV2',
              `${T} ${mode} ${round_mode} ${narrow_range ? 'narrow ' : ''}${low}..${high}`,
              [x, f32s(low!), f32s(high!)],
              {
                T: type(T),
                mode,
                round_mode,
                narrow_range,
              },
            ),
          ),
        ),
      ),
      at('Dequantize', `${T} ${mode}`, [codes(T, [4099]), f32s(-1.3), f32s(2.7)], { mode }),
    ]),
  );
}
