import { type DType, dtypes } from '../../src/base/dtype.ts';
import { type Rng, rng } from '../../src/base/rng.ts';
import { type Shape, sizeOf } from '../../src/base/shape.ts';
import { scalar, type Tensor, tensor, tensorOf } from '../../src/base/tensor.ts';
import { int, ints, type } from '../../src/graph/attr.ts';
import { type Builder, builder } from '../../src/graph/builder.ts';
import type { Value } from '../../src/graph/graph.ts';
import type { Model } from '../../src/graph/model.ts';

/** Codes with the range that they stand for, as quantized ops pass them. */
export type Codes = {
  readonly codes: Value;
  readonly min: Value;
  readonly max: Value;
  readonly dtype: 'quint8' | 'qint8';
  readonly shape: Shape;
};

export const port = ({ node }: Value, number: number): Value => ({ node, port: number });

/** Graphs of quantized ops with random weights, as the quantizer writes them: figure 1c. */
export type Net = {
  readonly b: Builder;
  readonly random: Rng;
  readonly input: (name: string, shape: Shape, dtype?: Codes['dtype']) => Codes;
  readonly conv: (x: Codes, options?: ConvOptions) => Codes;
  readonly depthwise: (x: Codes, options?: ConvOptions) => Codes;
  readonly concat: (xs: readonly Codes[]) => Codes;
  readonly reshape: (x: Codes, shape: Shape) => Codes;
  readonly pad: (x: Codes, pads: readonly [number, number, number, number]) => Codes;
  readonly dequantize: (x: Codes) => Value;
  /** QuantizeV2 of a float32 value of this shape. */
  readonly quantize: (x: Value, shape: Shape, dtype?: Codes['dtype']) => Codes;
  readonly model: (outputs: readonly Value[], inputs: readonly Codes[]) => Model;
};

export type ConvOptions = {
  readonly out?: number;
  readonly kernel?: readonly [number, number];
  readonly stride?: number;
  readonly dilation?: number;
  readonly padding?: 'SAME' | 'VALID';
  readonly relu?: boolean;
  readonly summand?: Codes;
  readonly perChannel?: boolean;
};

const elementsOf = (dtype: DType, shape: Shape, at: (i: number) => number): Tensor =>
  tensor(
    dtype,
    shape,
    (dtypes[dtype].array as Int8ArrayConstructor).from({ length: sizeOf(shape) }, (_, i) => at(i)) as never,
  ) as Tensor;

export function net(seed: number): Net {
  const random = rng(seed);
  const b = builder();
  const constant = (name: string, t: Tensor): Value => b.constant(name, t);
  const range = (dtype: Codes['dtype'], limit = 0.5 + random.uniform() * 6) => ({
    min: constant('min', scalar('float32', dtype === 'quint8' ? 0 : -limit)),
    max: constant('max', scalar('float32', limit)),
  });
  const weightsOf = (shape: Shape, channels: number, depth: number, perChannel: boolean) => {
    const limits = Float32Array.from(
      { length: perChannel ? channels : 1 },
      () => (0.3 + random.uniform()) / Math.sqrt(depth),
    );
    const codes = constant(
      'weights',
      elementsOf('qint8', shape, () => random.int(-127, 127)),
    );
    const bounds = perChannel ? [channels] : [];
    const min = constant(
      'weights/min',
      tensor(
        'float32',
        bounds,
        limits.map((x) => -x),
      ),
    );
    const max = constant('weights/max', tensor('float32', bounds, limits));
    const bias = constant(
      'bias',
      elementsOf('qint32', [channels], () => random.int(-3000, 3000)),
    );
    return { codes, min, max, bias };
  };
  const convolve =
    (op: 'QuantizedConv2D' | 'QuantizedDepthwiseConv2D') =>
    (x: Codes, options: ConvOptions = {}): Codes => {
      const isDepthwise = op === 'QuantizedDepthwiseConv2D';
      const { kernel = [1, 1], stride = 1, dilation = 1, padding = 'SAME', summand, perChannel = true } = options;
      const relu = isDepthwise || summand !== undefined || (options.relu ?? true);
      const [n, h, w, c] = x.shape as readonly [number, number, number, number];
      const out = isDepthwise ? c : (options.out ?? 8);
      const [kh, kw] = kernel;
      const depth = kh * kw * (isDepthwise ? 1 : c);
      const weights = weightsOf(isDepthwise ? [kh, kw, c, 1] : [kh, kw, c, out], out, depth, perChannel);
      const dtype = relu ? 'quint8' : 'qint8';
      const y = range(dtype);
      const sum = summand === undefined ? '' : summand.dtype === 'qint8' ? 'SignedSum' : 'Sum';
      const name = `${op}WithBias${sum}${relu ? 'AndRelu' : ''}AndRequantize` as 'QuantizedConv2DWithBiasAndRequantize';
      const inputs = [x.codes, weights.codes, weights.bias, x.min, x.max, weights.min, weights.max, y.min, y.max];
      const node = b.node(name, 'conv', summand ? [...inputs, summand.codes, summand.min, summand.max] : inputs, {
        Tinput: type(x.dtype),
        Tfilter: type('qint8'),
        Tbias: type('qint32'),
        out_type: type(dtype),
        ...(summand && { Tsummand: type(summand.dtype) }),
        strides: ints([1, stride, stride, 1]),
        dilations: ints([1, dilation, dilation, 1]),
        padding,
      });
      const size = (length: number, k: number) =>
        Math.ceil((padding === 'SAME' ? length : length - (k - 1) * dilation) / stride);
      return { codes: node, min: port(node, 1), max: port(node, 2), dtype, shape: [n, size(h, kh), size(w, kw), out] };
    };
  return {
    b,
    random,
    input: (name, shape, dtype = 'quint8') => ({ codes: b.input(name, dtype, shape), ...range(dtype), dtype, shape }),
    conv: convolve('QuantizedConv2D'),
    depthwise: convolve('QuantizedDepthwiseConv2D'),
    concat: (xs) => {
      const [first] = xs as [Codes];
      const axis = constant('axis', scalar('int32', 3));
      const codes = xs.map((x) => x.codes);
      const ranges = [...xs.map(() => first.min), ...xs.map(() => first.max)];
      const node = b.node('QuantizedConcatV2', 'concat', [...codes, axis, ...ranges], {
        N: int(xs.length),
        T: type(first.dtype),
        Tidx: type('int32'),
      });
      const channels = xs.reduce((sum, x) => sum + x.shape[3]!, 0);
      return { ...first, codes: node, shape: [...first.shape.slice(0, 3), channels] };
    },
    reshape: (x, shape) => {
      const to = constant('shape', tensorOf('int32', shape as number[]));
      return {
        ...x,
        codes: b.node('Reshape', 'reshape', [x.codes, to], { T: type(x.dtype), Tshape: type('int32') }),
        shape,
      };
    },
    pad: (x, [top, bottom, left, right]) => {
      const pads = constant('paddings', tensorOf('int32', [0, 0, top, bottom, left, right, 0, 0], [4, 2]));
      const [n, h, w, c] = x.shape as readonly [number, number, number, number];
      const codes = b.node('Pad', 'pad', [x.codes, pads], { T: type(x.dtype), Tpaddings: type('int32') });
      return { ...x, codes, shape: [n, top + h + bottom, left + w + right, c] };
    },
    dequantize: (x) =>
      b.node('Dequantize', 'dequantize', [x.codes, x.min, x.max], {
        T: type(x.dtype),
        mode: 'SCALED',
        dtype: type('float32'),
      }),
    quantize: (x, shape, dtype = 'qint8') => {
      const y = range(dtype);
      const node = b.node('QuantizeV2', 'quantize', [x, y.min, y.max], {
        T: type(dtype),
        mode: 'SCALED',
        round_mode: 'HALF_TO_EVEN',
        narrow_range: dtype === 'qint8',
      });
      return { codes: node, min: port(node, 1), max: port(node, 2), dtype, shape };
    },
    model: (outputs, inputs) => ({
      graph: b.graph(),
      inputs: inputs.map(({ codes, dtype, shape }) => ({
        key: codes.node,
        value: codes,
        dtype,
        shape: [null, ...shape.slice(1)],
      })),
      outputs: outputs.map((value, i) => ({ key: `y${i}`, value, dtype: 'float32', shape: null })),
      initializers: [],
      assets: new Map(),
    }),
  };
}

/** Random codes for the inputs of a model, `batch` images of them. */
export function randomFeeds({ inputs }: Model, batch: number, seed: number): Map<string, Tensor> {
  const random = rng(seed);
  return new Map(
    inputs.map(({ key, dtype, shape }) => {
      const full = [batch, ...(shape ?? []).slice(1).map((dim) => dim ?? 1)];
      const at = () =>
        dtype === 'float32' ? random.normal() : dtype === 'qint8' ? random.int(-128, 127) : random.int(0, 255);
      return [key, elementsOf(dtype, full, at)];
    }),
  );
}
