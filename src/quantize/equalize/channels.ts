import type { Tensor } from '../../base/tensor.ts';
import { readAttr } from '../../graph/attr.ts';
import { constTensor } from '../../graph/constant.ts';
import { formatValue, type Graph, type Node, type Value } from '../../graph/graph.ts';
import { inferTypes, type TypeInfo } from '../../graph/infer.ts';
import type { Model } from '../../graph/model.ts';
import { isTransposed } from '../weights.ts';
import { channelClasses } from './classes.ts';

/** A convolution or matmul with constant weights: dividing a channel of what it reads can be made up for by them. */
export type Weighted = {
  readonly node: Node;
  readonly weights: Tensor<'float32'>;
  /** The class of each channel that it reads; undefined where those can't be scaled. */
  readonly ins: Int32Array | undefined;
  readonly outs: Int32Array;
};

/** A constant (a bias, the rows of an embedding) whose last axis is divided along with the channels it is part of. */
export type Divided = { readonly node: Node; readonly input: number; readonly classes: Int32Array };

/**
 * The channels of a graph that must be scaled alike: those that an op passes on, adds or joins are one class. What a class
 * is divided by can be had exactly by dividing what makes it and multiplying the weights that read it, unless it is pinned.
 */
export type Channels = {
  readonly count: number;
  readonly weighted: readonly Weighted[];
  readonly divided: readonly Divided[];
  /** Why a class can't be scaled. */
  readonly pinned: ReadonlyMap<number, string>;
};

const layerOps: ReadonlySet<string> = new Set(['Conv2D', 'DepthwiseConv2dNative', 'MatMul']);
/** f(x / s) = f(x) / s for every s > 0, a channel by itself. */
const homogeneous: ReadonlySet<string> = new Set(['Relu', 'LeakyRelu', 'MaxPool', 'AvgPool', 'Identity', 'Neg']);

type Context = {
  readonly graph: Graph;
  readonly types: TypeInfo;
  readonly classes: ReturnType<typeof channelClasses>;
  /** The classes of the channels (last axis) of each value that can be scaled. */
  readonly of: Map<string, Int32Array>;
  readonly weighted: Weighted[];
  readonly divided: Divided[];
};

/** Finds which channels of an fp32 model can be scaled, and with which others. */
export function findChannels(model: Model): Channels {
  const { graph } = model;
  const types = inferTypes({ node: (name) => graph.nodes.get(name), library: graph.library });
  const context: Context = { graph, types, classes: channelClasses(), of: new Map(), weighted: [], divided: [] };
  for (const node of graph.order()) visit(node, context);
  for (const { value, key } of model.outputs) pinAll(context, value, `it is the output ${key}`);
  const { resolve, pinned, count } = context.classes.close();
  return {
    count,
    weighted: context.weighted.map((w) => ({ ...w, ins: w.ins && resolve(w.ins), outs: resolve(w.outs) })),
    divided: context.divided.map((d) => ({ ...d, classes: resolve(d.classes) })),
    pinned,
  };
}

function visit(node: Node, context: Context): void {
  const found = layerOps.has(node.op) ? layer(node, context) : passed(node, context);
  if (found !== undefined) {
    context.of.set(node.name, found);
    return;
  }
  for (const input of node.inputs) pinAll(context, input, `${node.op} '${node.name}' reads it`);
}

function pinAll({ of, classes }: Context, value: Value, reason: string): void {
  for (const c of of.get(formatValue(value)) ?? []) classes.pin(c, reason);
}

function constantOf(node: Node, input: number, { graph }: Context): Tensor | undefined {
  const value = node.inputs[input];
  return value && constTensor(graph.node(value.node));
}

/** A layer reads its channels with one axis of its weights and makes new ones with another. */
function layer(node: Node, context: Context): Int32Array | undefined {
  const weights = constantOf(node, 1, context);
  if (weights?.dtype !== 'float32' || node.controls.length > 0) return undefined;
  if (node.op === 'MatMul' && readAttr(node, 'transpose_a', 'bool', false)) return undefined;
  if (node.op !== 'MatMul' && readAttr(node, 'data_format', 'string', 'NHWC') !== 'NHWC') return undefined;
  const [a, b] = weights.shape.slice(-2) as [number, number];
  const [from, to] = isTransposed(node) ? [b, a] : [a, b];
  const ins = context.of.get(formatValue(node.inputs[0]!));
  const isFitting = ins?.length === from;
  if (!isFitting) pinAll(context, node.inputs[0]!, `'${node.name}' does not read whole channels`);
  const outs = context.classes.fresh(node.op === 'DepthwiseConv2dNative' ? from * to : to);
  context.weighted.push({ node, weights, ins: isFitting ? ins : undefined, outs });
  return outs;
}

/** The classes of what `node` gives, where its channels are those it reads. */
function passed(node: Node, context: Context): Int32Array | undefined {
  const { of, classes } = context;
  const first = node.inputs[0] && of.get(formatValue(node.inputs[0]));
  if (homogeneous.has(node.op)) return first;
  switch (node.op) {
    case 'Relu6':
      // Divided by s, a channel would have to be cut off at 6/s, which no quantized op does a channel.
      for (const c of first ?? []) classes.pin(c, `the relu6 '${node.name}' cuts all its channels off at 6`);
      return first;
    case 'BiasAdd':
      return readAttr(node, 'data_format', 'string', 'NHWC') === 'NHWC' ? withConstant(node, 1, context) : undefined;
    case 'Add':
    case 'AddV2':
    case 'AddN':
      return sum(node, context);
    case 'ConcatV2':
      return concat(node, context);
    case 'GatherV2':
      return gather(node, context);
    case 'Pad':
      return first && keepsLast(constantOf(node, 1, context)) ? first : undefined;
    case 'Mean': {
      const axes = constantOf(node, 1, context);
      const rank = context.types.of(node.inputs[0]!).shape?.length;
      if (axes?.dtype !== 'int32' || rank === undefined) return undefined;
      return axes.data.some((axis) => (axis + rank) % rank === rank - 1) ? undefined : first;
    }
    case 'Reshape':
    case 'Squeeze':
      return reshaped(node, first, context);
    default:
      return undefined;
  }
}

/** A constant a channel is added: it is divided as the channels are. */
function withConstant(node: Node, input: number, context: Context): Int32Array | undefined {
  const channels = context.of.get(formatValue(node.inputs[1 - input]!));
  const constant = constantOf(node, input, context);
  if (channels === undefined || constant?.dtype !== 'float32') return undefined;
  if (constant.shape.at(-1) !== channels.length || constant.data.length !== channels.length) return undefined;
  context.divided.push({ node, input, classes: channels });
  return channels;
}

function sum(node: Node, context: Context): Int32Array | undefined {
  if (node.inputs.length === 2) {
    const input = [0, 1].find((i) => constantOf(node, i, context) !== undefined);
    if (input !== undefined) return withConstant(node, input, context);
  }
  return unitedAll(node.inputs, context);
}

/** Values whose channels are combined one with one: they must be scaled alike. */
function unitedAll(values: readonly Value[], { of, classes, types }: Context): Int32Array | undefined {
  const all = values.map((v) => of.get(formatValue(v)));
  const [first] = all;
  if (first === undefined || all.some((other) => other?.length !== first.length)) return undefined;
  // Broadcasting along the channels would tie them to each other.
  if (values.some((v) => types.of(v).shape?.at(-1) !== first.length)) return undefined;
  for (const other of all.slice(1)) for (const [i, c] of other!.entries()) classes.unite(first[i]!, c);
  return first;
}

function concat(node: Node, context: Context): Int32Array | undefined {
  const axis = constantOf(node, node.inputs.length - 1, context);
  const values = node.inputs.slice(0, -1);
  const rank = context.types.of(values[0]!).shape?.length;
  if (axis?.dtype !== 'int32' || rank === undefined) return undefined;
  if ((axis.data[0]! + rank) % rank !== rank - 1) return unitedAll(values, context);
  const all = values.map((v) => context.of.get(formatValue(v)));
  if (all.some((classes) => classes === undefined)) return undefined;
  return Int32Array.from(all.flatMap((classes) => [...classes!]));
}

/** Rows of a constant table: an embedding, whose columns are divided. */
function gather(node: Node, context: Context): Int32Array | undefined {
  const table = constantOf(node, 0, context);
  const axis = constantOf(node, 2, context);
  const isRows = axis?.dtype === 'int32' && axis.data[0] === 0 && readAttr(node, 'batch_dims', 'int', 0) === 0;
  if (table?.dtype !== 'float32' || table.shape.length !== 2 || !isRows) return undefined;
  const classes = context.classes.fresh(table.shape[1]!);
  context.divided.push({ node, input: 0, classes });
  return classes;
}

/** Channels stay the last axis, or become its innermost part. */
function reshaped(node: Node, channels: Int32Array | undefined, { types }: Context): Int32Array | undefined {
  const last = types.of({ node: node.name, port: 0 }).shape?.at(-1);
  if (channels === undefined || typeof last !== 'number' || last === 0 || last % channels.length !== 0)
    return undefined;
  if (types.of(node.inputs[0]!).shape?.at(-1) !== channels.length) return undefined;
  return Int32Array.from({ length: last }, (_, i) => channels[i % channels.length]!);
}

const keepsLast = (paddings: Tensor | undefined): boolean =>
  paddings?.dtype === 'int32' && paddings.data.at(-1) === 0 && paddings.data.at(-2) === 0;
