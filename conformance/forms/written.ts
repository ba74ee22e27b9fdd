import { rng } from '../../src/base/rng.ts';
import { type Shape, sizeOf } from '../../src/base/shape.ts';
import { type Tensor, tensor, tensorOf } from '../../src/base/tensor.ts';
import { type AttrInputs, int, ints, type } from '../../src/graph/attr.ts';
import { type Builder, builder } from '../../src/graph/builder.ts';
import type { Value } from '../../src/graph/graph.ts';
import type { Model } from '../../src/graph/model.ts';
import type { OpName } from '../../src/graph/ops/index.ts';

/** A small fp32 model whose quantization makes octet write one form. */
export type FormModel = { readonly name: string; readonly model: Model; readonly samples: readonly Tensor[] };

const T = type('float32');
const channels = 16;

type Make = {
  readonly b: Builder;
  readonly x: Value;
  readonly weights: (name: string, shape: Shape, spread?: number) => Value;
  readonly node: (op: OpName, name: string, inputs: readonly Value[], attrs?: AttrInputs) => Value;
  readonly conv: (name: string, x: Value, from: number, to: number, geometry?: Geometry) => Value;
  readonly depthwise: (name: string, x: Value, geometry?: Geometry) => Value;
  readonly bias: (name: string, x: Value, count: number) => Value;
  readonly relu: (name: string, x: Value, op?: Relu) => Value;
  readonly ints: (name: string, values: readonly number[], shape?: Shape) => Value;
};
type Relu = 'Relu' | 'Relu6';
type Geometry = {
  readonly window?: number;
  readonly stride?: number;
  readonly dilation?: number;
  readonly padding?: readonly number[] | 'SAME' | 'VALID';
};

function formModel(name: string, isSigned: boolean, shape: Shape, make: (m: Make) => Value): FormModel {
  const b = builder();
  const random = rng(name.length * 7919 + shape.length);
  const fill = (size: Shape, next: () => number) =>
    tensor('float32', size, Float32Array.from({ length: sizeOf(size) }, next));
  const weights = (label: string, size: Shape, spread = 0.2) =>
    b.constant(
      label,
      fill(size, () => random.normal() * spread),
    );
  const x = b.input('x', 'float32', [null, ...shape.slice(1)]);
  const node: Make['node'] = (op, label, inputs, attrs = {}) => b.node(op, label, inputs, { T, ...attrs });
  const convolution = (
    op: 'Conv2D' | 'DepthwiseConv2dNative',
    label: string,
    input: Value,
    size: Shape,
    { stride = 1, dilation = 1, padding = 'SAME' }: Geometry,
  ) =>
    node(op, label, [input, weights(`${label}/weights`, size)], {
      strides: ints([1, stride, stride, 1]),
      dilations: ints([1, dilation, dilation, 1]),
      padding: typeof padding === 'string' ? padding : 'EXPLICIT',
      ...(typeof padding === 'string' ? {} : { explicit_paddings: ints([0, 0, ...padding, 0, 0]) }),
    });
  const output = make({
    b,
    x,
    weights,
    node,
    conv: (label, input, from, to, g = {}) =>
      convolution('Conv2D', label, input, [g.window ?? 3, g.window ?? 3, from, to], g),
    depthwise: (label, input, g = {}) =>
      convolution('DepthwiseConv2dNative', label, input, [g.window ?? 3, g.window ?? 3, channels, 1], g),
    bias: (label, input, count) => node('BiasAdd', label, [input, weights(`${label}/bias`, [count], 0.5)]),
    relu: (label, input, op = 'Relu') => node(op, label, [input]),
    ints: (label, values, size = [values.length]) => b.constant(label, tensorOf('int32', values, size)),
  });
  const end = (key: string, value: Value, of: readonly (number | null)[] | null) => ({
    key,
    value,
    dtype: 'float32' as const,
    shape: of,
  });
  const model = {
    graph: b.graph(),
    inputs: [end('x', x, [null, ...shape.slice(1)])],
    outputs: [end(output.node, output, null)],
    initializers: [],
    assets: new Map(),
  };
  const next = isSigned ? () => random.normal() : () => Math.abs(random.normal());
  return { name, model, samples: [fill(shape, next), fill(shape, next)] };
}

const picture = [2, 23, 21, channels] as const;
const geometries: Readonly<Record<string, Geometry>> = {
  SAME: {},
  'SAME stride 2': { stride: 2 },
  VALID: { padding: 'VALID' },
  'VALID stride 2, 5 × 5': { padding: 'VALID', stride: 2, window: 5 },
  '1 × 1': { window: 1 },
  '1 × 1 stride 2': { window: 1, stride: 2 },
  'listed padding': { padding: [1, 2, 0, 1], stride: 2 },
  'dilation 2': { dilation: 2 },
};
const activations: readonly (Relu | 'none')[] = ['none', 'Relu', 'Relu6'];

/** Models that make octet write each form of op it writes. */
export function writtenForms(): FormModel[] {
  return [...convolutions(), ...depthwise(), ...residuals(), ...products(), ...between()];
}

const activated = ({ relu }: Make, name: string, x: Value, op: Relu | 'none'): Value =>
  op === 'none' ? x : relu(name, x, op);
const sides = [false, true] as const;
const sign = (isSigned: boolean) => (isSigned ? 'signed' : 'unsigned');

const convolutions = (): FormModel[] =>
  Object.entries(geometries)
    .flatMap(([label, geometry]) =>
      sides.flatMap((isSigned) =>
        activations.map((op) =>
          formModel(`conv, ${label}, ${sign(isSigned)}, ${op}`, isSigned, picture, (m) =>
            activated(m, 'relu', m.bias('y', m.conv('conv', m.x, channels, 24, geometry), 24), op),
          ),
        ),
      ),
    )
    .concat(formModel('conv without bias', false, picture, (m) => m.relu('y', m.conv('conv', m.x, channels, 24))))
    .concat(sides.flatMap((isSigned) => activations.map((op) => readBy(isSigned, op))));

/** A convolution whose result another convolution reads in int8, and one that a normalization reads in float32. */
function readBy(isSigned: boolean, op: Relu | 'none'): FormModel {
  return formModel(`conv, read both ways, ${sign(isSigned)}, ${op}`, isSigned, picture, (m) => {
    const first = activated(m, 'first', m.bias('first/bias', m.conv('first/conv', m.x, channels, 24), 24), op);
    const second = activated(m, 'second', m.bias('second/bias', m.conv('second/conv', first, 24, 24), 24), op);
    return m.node('LRN', 'y', [second]);
  });
}

/** Behind a relu: TensorFlow's form reads quint8 only. */
const depthwise = (): FormModel[] =>
  Object.entries(geometries)
    .filter(([, { dilation = 1 }]) => dilation === 1)
    .flatMap(([label, geometry]) =>
      activations.map((op) =>
        formModel(`depthwise, ${label}, ${op}`, false, picture, (m) => {
          const first = m.conv('first/conv', m.x, channels, channels, { window: 1 });
          const x = m.relu('first', m.bias('first/bias', first, channels));
          return activated(m, 'relu', m.bias('y', m.depthwise('depthwise', x, geometry), channels), op);
        }),
      ),
    )
    .concat(
      formModel('depthwise without relu, read by a convolution', false, picture, (m) => {
        const x = m.relu('first', m.bias('first/bias', m.conv('first/conv', m.x, channels, channels), channels));
        const second = m.bias('second', m.depthwise('depthwise', x), channels);
        return m.relu('y', m.bias('third', m.conv('third/conv', second, channels, channels, { window: 1 }), channels));
      }),
    );

/** first → second → + first, or + another convolution's signed output; read by a third convolution. */
const residuals = (): FormModel[] =>
  activations.flatMap((op) =>
    sides.map((isSigned) =>
      formModel(`residual, ${op}, ${isSigned ? 'signed' : 'unsigned'} summand`, false, picture, (m) => {
        const first = m.relu('first', m.bias('first/bias', m.conv('first/conv', m.x, channels, channels), channels));
        const second = m.bias('second', m.conv('second/conv', first, channels, channels), channels);
        const summand = isSigned
          ? m.bias('other', m.conv('other/conv', m.x, channels, channels, { window: 1 }), channels)
          : first;
        const sum = activated(m, 'sum/relu', m.node('AddV2', 'sum', [second, summand]), op);
        return m.relu('y', m.bias('third', m.conv('third/conv', sum, channels, channels, { window: 1 }), channels));
      }),
    ),
  );

const products = (): FormModel[] =>
  sides.flatMap((isSigned) =>
    (['none', 'Relu', 'two layers'] as const).flatMap((kind) =>
      sides.map((transposed) =>
        formModel(`matmul, ${sign(isSigned)}, ${kind}${transposed ? ', transposed' : ''}`, isSigned, [64, 40], (m) => {
          const shape = transposed ? [32, 40] : [40, 32];
          const hidden = m.bias(
            'y',
            m.node('MatMul', 'matmul', [m.x, m.weights('w', shape)], { transpose_b: transposed, transpose_a: false }),
            32,
          );
          if (kind === 'none') return hidden;
          const relu = m.relu('relu', hidden);
          if (kind === 'Relu') return relu;
          return m.bias(
            'z',
            m.node('MatMul', 'second', [relu, m.weights('w2', [32, 10])], { transpose_a: false, transpose_b: false }),
            10,
          );
        }),
      ),
    ),
  );

type Between = { readonly label: string; readonly to?: number; readonly make: (m: Make, x: Value) => Value };
const pooling = (op: 'MaxPool' | 'AvgPool', window: number, stride: number, padding: string): Between => ({
  label: `${op} ${window} × ${window} stride ${stride} ${padding}`,
  make: (m, x) =>
    m.node(op, 'pool', [x], { ksize: ints([1, window, window, 1]), strides: ints([1, stride, stride, 1]), padding }),
});
const index = type('int32');
const middles: readonly Between[] = [
  ...(['MaxPool', 'AvgPool'] as const).flatMap((op) => [
    pooling(op, 2, 2, 'VALID'),
    pooling(op, 3, 2, 'SAME'),
    pooling(op, 3, 1, 'SAME'),
  ]),
  {
    // Behind the pooling, since a convolution takes the padding into itself.
    label: 'Pad',
    make: (m, x) => {
      const moved = m.node('Pad', 'moved', [x, m.ints('paddings', [0, 0, 1, 2, 0, 1, 0, 0], [4, 2])], {
        Tpaddings: index,
      });
      return pooling('MaxPool', 2, 2, 'VALID').make(m, moved);
    },
  },
  {
    label: 'Slice',
    make: (m, x) =>
      m.node('Slice', 'moved', [x, m.ints('begin', [0, 1, 2, 0]), m.ints('size', [-1, 20, 18, -1])], { Index: index }),
  },
  {
    label: 'StridedSlice',
    make: (m, x) =>
      m.node(
        'StridedSlice',
        'moved',
        [x, m.ints('begin', [0, 0, 0, 0]), m.ints('end', [0, 0, 0, 0]), m.ints('steps', [1, 2, 2, 1])],
        {
          Index: index,
          begin_mask: int(15),
          end_mask: int(15),
          ellipsis_mask: int(0),
          new_axis_mask: int(0),
          shrink_axis_mask: int(0),
        },
      ),
  },
  {
    label: 'Reshape',
    make: (m, x) => m.node('Reshape', 'moved', [x, m.ints('shape', [2, 21, 23, channels])], { Tshape: index }),
  },
  {
    label: 'ExpandDims, Squeeze',
    make: (m, x) =>
      m.node('Squeeze', 'moved', [m.node('ExpandDims', 'deep', [x, m.ints('axis', [1], [])], { Tdim: index })], {
        squeeze_dims: ints([1]),
      }),
  },
  {
    label: 'ConcatV2',
    to: 2 * channels,
    make: (m, x) => {
      const other = m.relu(
        'other',
        m.bias('other/bias', m.conv('other/conv', m.x, channels, channels, { window: 1 }), channels),
      );
      return m.node('ConcatV2', 'both', [x, other, m.ints('axis', [3], [])], { N: int(2), Tidx: index });
    },
  },
];

/** What lies between two convolutions and is done on codes, of either sign. */
const between = (): FormModel[] =>
  middles.flatMap(({ label, to = channels, make }) =>
    sides
      .filter((isSigned) => !(isSigned && label === 'ConcatV2'))
      .map((isSigned) =>
        formModel(`${label}, ${sign(isSigned)}`, false, picture, (m) => {
          const first = m.bias('first', m.conv('first/conv', m.x, channels, channels), channels);
          const middle = make(m, isSigned ? first : m.relu('first/relu', first));
          return m.relu('y', m.bias('last', m.conv('last/conv', middle, to, channels), channels));
        }),
      ),
  );
