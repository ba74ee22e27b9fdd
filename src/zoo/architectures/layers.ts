import { type Rng, rng } from '../../base/rng.ts';
import { type Shape, sizeOf } from '../../base/shape.ts';
import { tensor, tensorOf } from '../../base/tensor.ts';
import { type AttrInputs, float, int, ints, type } from '../../graph/attr.ts';
import { type Builder, builder } from '../../graph/builder.ts';
import type { Value } from '../../graph/graph.ts';
import type { Model } from '../../graph/model.ts';
import {
  averageOfNine,
  concatMoments,
  depthwiseMoments,
  type Moments,
  maxOfNine,
  relu6Moments,
  reluMoments,
  residualMoments,
  standardNormal,
  sumMoments,
  weightedMoments,
} from './moments.ts';

/** An activation of a network under construction: its value, its size (NHWC) and what its channels look like. */
export type Signal = {
  readonly value: Value;
  readonly h: number;
  readonly w: number;
  readonly c: number;
  readonly moments: Moments;
};

type Pair = readonly [h: number, w: number];
type Window = { readonly kernel: Pair; readonly stride?: number; readonly padding?: 'SAME' | 'VALID' };

/** Layers under Keras's names, in the ops that its frozen graphs have. */
export type Layers = ReturnType<typeof layersOf>;

export type NetworkOptions = {
  /** Height and width of the input; the network's own where it is not given. */
  readonly size?: number;
  readonly classes?: number;
  /** Seed of the weights. */
  readonly seed?: number;
};

const T = type('float32');

/** A model with one input of `size` × `size` RGB pictures; `make` gives its output. */
export function network(
  { size, classes, seed }: Required<NetworkOptions>,
  make: (layers: Layers, input: Signal, classes: number) => Signal,
): Model {
  const b = builder();
  const shape = [null, size, size, 3];
  const input = { value: b.input('input', 'float32', shape), h: size, w: size, c: 3, moments: standardNormal(3) };
  const output = make(layersOf(b, rng(seed)), input, classes);
  return {
    graph: b.graph(),
    inputs: [{ key: 'input', value: input.value, dtype: 'float32', shape }],
    outputs: [{ key: 'predictions', value: output.value, dtype: 'float32', shape: [null, classes] }],
    initializers: [],
    assets: new Map(),
  };
}

/** What all layers are made with. */
function toolsOf(b: Builder, random: Rng) {
  const normals = (count: number, spread: number, centre = 0): Float32Array<ArrayBuffer> => {
    const values = new Float32Array(count);
    for (let i = 0; i < count; i++) values[i] = centre + spread * random.normal();
    return values;
  };
  const constant = (name: string, shape: Shape, data: Float32Array<ArrayBuffer>) =>
    b.constant(name, tensor('float32', shape, data));
  const node = (op: Parameters<Builder['node']>[0], name: string, inputs: readonly Value[], attrs: AttrInputs = {}) =>
    b.node(op, name, inputs, { T, ...attrs });
  const windowAttrs = ({ stride = 1, padding = 'SAME' }: Window): AttrInputs => ({
    strides: ints([1, stride, stride, 1]),
    padding,
  });

  return { b, normals, constant, node, windowAttrs };
}
type Tools = ReturnType<typeof toolsOf>;

function layersOf(b: Builder, random: Rng) {
  const tools = toolsOf(b, random);
  return { ...products(tools), ...normalizations(tools), ...elementwise(tools), ...reshaping(tools) };
}

/** Layers with weights and biases. */
function products({ normals, constant, node, windowAttrs }: Tools) {
  /** Adds a bias of order 0.1 to each channel. */
  const bias = (name: string, x: Signal): Signal => {
    const data = normals(x.c, 0.1);
    const moments = { mean: x.moments.mean.map((m, c) => m + data[c]!), variance: x.moments.variance };
    return {
      ...x,
      moments,
      value: node('BiasAdd', `${name}/BiasAdd`, [x.value, constant(`${name}/bias`, [x.c], data)]),
    };
  };

  /** He initialisation (https://arxiv.org/abs/1502.01852): weights of variance 2 / (inputs of a sum). */
  const conv = (name: string, x: Signal, channels: number, window: Window & { readonly bias?: boolean }): Signal => {
    const [kh, kw] = window.kernel;
    const shape = [kh, kw, x.c, channels];
    const data = normals(sizeOf(shape), Math.sqrt(2 / (kh * kw * x.c)));
    const inputs = [x.value, constant(`${name}/kernel`, shape, data)];
    const out: Signal = {
      ...slide(x, window),
      c: channels,
      value: node('Conv2D', `${name}/Conv2D`, inputs, windowAttrs(window)),
      moments: weightedMoments(x.moments, data, tapsInside(x, window), channels),
    };
    return window.bias === true ? bias(name, out) : out;
  };

  const depthwise = (name: string, x: Signal, window: Window): Signal => {
    const [kh, kw] = window.kernel;
    const data = normals(kh * kw * x.c, Math.sqrt(2 / (kh * kw)));
    const inputs = [x.value, constant(`${name}/depthwise_kernel`, [kh, kw, x.c, 1], data)];
    return {
      ...slide(x, window),
      c: x.c,
      value: node('DepthwiseConv2dNative', `${name}/depthwise`, inputs, windowAttrs(window)),
      moments: depthwiseMoments(x.moments, data, tapsInside(x, window)),
    };
  };

  const dense = (name: string, x: Signal, units: number): Signal => {
    const data = normals(x.c * units, Math.sqrt(2 / x.c));
    const inputs = [x.value, constant(`${name}/kernel`, [x.c, units], data)];
    const value = node('MatMul', `${name}/MatMul`, inputs, { transpose_a: false, transpose_b: false });
    return bias(name, { ...x, c: units, value, moments: weightedMoments(x.moments, data, [1], units) });
  };

  return { bias, conv, depthwise, dense };
}

function normalizations({ normals, constant, node }: Tools) {
  /** Inference with the moments of `x` as its statistics; `scale` is what γ varies around, or undefined for none. */
  const batchNorm = (name: string, x: Signal, epsilon: number, scale: number | undefined = 1): Signal => {
    const gamma = normals(x.c, scale === undefined ? 0 : 0.2 * scale, scale ?? 1);
    const beta = normals(x.c, 0.3 * (scale ?? 1));
    const parameters = [
      constant(`${name}/gamma`, [x.c], gamma),
      constant(`${name}/beta`, [x.c], beta),
      constant(`${name}/moving_mean`, [x.c], Float32Array.from(x.moments.mean)),
      constant(`${name}/moving_variance`, [x.c], Float32Array.from(x.moments.variance)),
    ];
    const attrs = { U: T, epsilon: float(epsilon), is_training: false };
    const moments = { mean: Float64Array.from(beta), variance: Float64Array.from(gamma, (g) => g * g) };
    return {
      ...x,
      moments,
      value: node('FusedBatchNormV3', `${name}/FusedBatchNormV3`, [x.value, ...parameters], attrs),
    };
  };

  return { batchNorm };
}

function elementwise({ node }: Tools) {
  const relu = (name: string, x: Signal): Signal => ({
    ...x,
    value: node('Relu', name, [x.value]),
    moments: reluMoments(x.moments),
  });
  const relu6 = (name: string, x: Signal): Signal => ({
    ...x,
    value: node('Relu6', name, [x.value]),
    moments: relu6Moments(x.moments),
  });

  const add = (name: string, x: Signal, y: Signal): Signal => ({
    ...x,
    value: node('AddV2', `${name}/add`, [x.value, y.value]),
    moments: sumMoments(x.moments, y.moments),
  });

  /** max(x + y, 0), where `x` is the output of a relu. */
  const residual = (name: string, x: Signal, y: Signal): Signal => {
    const sum = add(`${name}_add`, x, y);
    return { ...relu(`${name}_out/Relu`, sum), moments: residualMoments(x.moments, y.moments) };
  };

  const softmax = (x: Signal): Signal => ({ ...x, value: node('Softmax', 'predictions', [x.value]) });

  return { relu, relu6, add, residual, softmax };
}

/** Layers that change height, width or the number of channels, without weights. */
function reshaping({ b, node, windowAttrs }: Tools) {
  /** Zeros around the picture: `before` above and left of it, `after` below and right. */
  const pad = (name: string, x: Signal, before: number, after: number): Signal => {
    const paddings = tensorOf('int32', [0, 0, before, after, before, after, 0, 0], [4, 2]);
    const value = node('Pad', name, [x.value, b.constant(`${name}/paddings`, paddings)], { Tpaddings: type('int32') });
    return { ...x, h: x.h + before + after, w: x.w + before + after, value };
  };

  const pool = (op: 'MaxPool' | 'AvgPool', name: string, x: Signal, window: Window): Signal => {
    const ksize = ints([1, ...window.kernel, 1]);
    const value = node(op, `${name}/${op}`, [x.value], { ksize, ...windowAttrs(window) });
    const moments = op === 'MaxPool' ? maxOfNine(x.moments) : averageOfNine(x.moments);
    return { ...x, ...slide(x, window), value, moments };
  };

  const concat = (name: string, parts: readonly Signal[]): Signal => {
    const axis = b.constant(`${name}/concat/axis`, tensorOf('int32', [3], []));
    const attrs = { N: int(parts.length), Tidx: type('int32') };
    return {
      ...parts[0]!,
      c: parts.reduce((sum, { c }) => sum + c, 0),
      value: node('ConcatV2', `${name}/concat`, [...parts.map((part) => part.value), axis], attrs),
      moments: concatMoments(parts.map((part) => part.moments)),
    };
  };

  /** The mean over all pixels: [n, 1, 1, c], or [n, c] without `keep`. */
  const globalMean = (name: string, x: Signal, keep = false): Signal => {
    const axes = b.constant(`${name}/Mean/reduction_indices`, tensorOf('int32', [1, 2]));
    const value = node('Mean', `${name}/Mean`, [x.value, axes], { Tidx: type('int32'), keep_dims: keep });
    return { ...x, h: 1, w: 1, value };
  };

  const flatten = (name: string, x: Signal): Signal => {
    const shape = b.constant(`${name}/shape`, tensorOf('int32', [-1, x.h * x.w * x.c]));
    return { ...x, value: node('Reshape', name, [x.value, shape], { Tshape: type('int32') }) };
  };

  return { pad, pool, concat, globalMean, flatten };
}

/** Where a window of `kernel` stands over an axis: how many places there are, and the pixels before the first. */
function places(size: number, kernel: number, stride: number, padding: 'SAME' | 'VALID') {
  if (padding === 'VALID') return { count: Math.floor((size - kernel) / stride) + 1, before: 0 };
  const count = Math.ceil(size / stride);
  return { count, before: Math.floor(Math.max(0, (count - 1) * stride + kernel - size) / 2) };
}

function slide(
  x: Signal,
  { kernel, stride = 1, padding = 'SAME' }: Window,
): { readonly h: number; readonly w: number } {
  const [h, w] = [places(x.h, kernel[0], stride, padding).count, places(x.w, kernel[1], stride, padding).count];
  return { h, w };
}

/** The share of output pixels for which each tap of the kernel lies in the picture. */
function tapsInside(x: Signal, { kernel, stride = 1, padding = 'SAME' }: Window): number[] {
  const along = (size: number, taps: number): number[] => {
    const { count, before } = places(size, taps, stride, padding);
    const isInside = (at: number): boolean => at >= 0 && at < size;
    return Array.from({ length: taps }, (_, tap) => {
      const inside = Array.from({ length: count }, (_, i) => isInside(i * stride + tap - before)).filter(Boolean);
      return inside.length / count;
    });
  };
  const columns = along(x.w, kernel[1]);
  return along(x.h, kernel[0]).flatMap((row) => columns.map((column) => row * column));
}

/** The number of a repeated layer, as Keras names it: `conv2d`, `conv2d_1` … */
export function counter(stem: string): () => string {
  let count = 0;
  return () => (count++ === 0 ? stem : `${stem}_${count - 1}`);
}
