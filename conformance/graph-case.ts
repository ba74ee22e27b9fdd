import { create } from '@bufbuild/protobuf';
import { scalar, type Tensor } from '../src/base/tensor.ts';
import { writeGraphDef } from '../src/formats/graph-def/graph-def.ts';
import { VersionDefSchema } from '../src/formats/proto/gen/octet/tensorflow/graph_pb.ts';
import { type AttrInputs, attrs, ints, shapeAttr, type } from '../src/graph/attr.ts';
import { constNode } from '../src/graph/constant.ts';
import { formatValue, Graph, type GraphFunction, type Node, parseValue } from '../src/graph/graph.ts';
import type { OpName } from '../src/graph/ops/index.ts';
import { outputTypes } from '../src/graph/signature.ts';
import { openReference } from '../src/runtime/reference/open.ts';
import { derivedAttrs } from './ops/derive.ts';
import type { RunResult, TensorFlow } from './tensorflow.ts';

/** A small graph with its feeds, for octet and TensorFlow alike. */
export type GraphCase = {
  readonly name: string;
  readonly nodes: readonly Node[];
  readonly library?: ReadonlyMap<string, GraphFunction>;
  /** By the name of the placeholder. */
  readonly feeds: ReadonlyMap<string, Tensor>;
  readonly fetches: readonly string[];
  /** Nodes to run once before. */
  readonly setup?: readonly string[];
  /** Files that the graph reads, which TensorFlow finds by their paths. */
  readonly assets?: ReadonlyMap<string, Uint8Array>;
};

/** One op with its inputs. */
export type OpCase = {
  readonly name: string;
  readonly op: OpName;
  readonly inputs: readonly Tensor[];
  readonly attrs: AttrInputs;
  /** Inputs that TensorFlow wants as Const nodes: weights that oneDNN packs. */
  readonly constants?: readonly number[];
  /** Inputs that must come out of another op: TensorFlow crashes on summands that are fed or constant. */
  readonly computed?: readonly number[];
};

/** `node('Add', 'sum', ['a', 'b:1', '^c'], { T: … })`. */
export const node = (op: OpName, name: string, from: readonly string[] = [], given: AttrInputs = {}): Node => ({
  name,
  op,
  inputs: from.filter((text) => !text.startsWith('^')).map(parseValue),
  controls: from.filter((text) => text.startsWith('^')).map((text) => text.slice(1)),
  attrs: attrs(given),
});

export const placeholder = (name: string, { dtype, shape }: Pick<Tensor, 'dtype' | 'shape'>): Node =>
  node('Placeholder', name, [], { dtype: type(dtype), shape: shapeAttr(shape) });

/** The graph of placeholders, constants and the op, all of whose tensors are fetched (not handles). */
export function graphCaseOf({ name, op, inputs, attrs: given, constants = [], computed = [] }: OpCase): GraphCase {
  const feeds = new Map<string, Tensor>();
  const nodes: Node[] = [];
  const names = inputs.map((tensor, i) => {
    const x = `x${i}`;
    if (constants.includes(i)) {
      nodes.push(constNode(x, tensor));
      return x;
    }
    nodes.push(placeholder(x, tensor));
    feeds.set(x, tensor);
    if (!computed.includes(i)) return x;
    nodes.push(...pooled(x, tensor));
    return `${x}/pooled`;
  });
  const tested = node(op, 'op', names, derivedAttrs(op, inputs, given));
  const types = outputTypes(tested, new Map()) ?? [];
  const fetches = types.flatMap((dtype, port) => (dtype === 'resource' || dtype === 'variant' ? [] : [`op:${port}`]));
  return { name, nodes: [...nodes, tested], feeds, fetches };
}

/** A pooling of single pixels, which leaves codes as they are. */
export function pooled(x: string, { dtype }: Pick<Tensor, 'dtype'>): Node[] {
  const ones = ints([1, 1, 1, 1]);
  return [
    constNode(`${x}/min`, scalar('float32', -1)),
    constNode(`${x}/max`, scalar('float32', 1)),
    node('QuantizedMaxPool', `${x}/pooled`, [x, `${x}/min`, `${x}/max`], {
      T: type(dtype),
      ksize: ones,
      strides: ones,
      padding: 'VALID',
    }),
  ];
}

/** Octet's reference runtime; throws as it does. */
export async function runOctet(given: GraphCase): Promise<readonly Tensor[]> {
  const inputs = [...given.feeds].map(([key, { dtype, shape }]) => ({ key, value: parseValue(key), dtype, shape }));
  const graph = new Graph(given.nodes, given.library);
  const model = { graph, inputs, outputs: [], initializers: given.setup ?? [], assets: given.assets ?? new Map() };
  const runner = await openReference(model, given.fetches.map(parseValue));
  try {
    return runner.runSync(given.feeds);
  } finally {
    runner.dispose();
  }
}

/** TensorFlow's results of the cases, which run in one session, in their order. */
export async function runTensorFlow(
  tf: TensorFlow,
  cases: readonly GraphCase[],
  timeoutSeconds = 60,
): Promise<readonly RunResult[]> {
  const all = new Map(cases.map((one, i) => [`case${i}`, one]));
  const prefixed = (prefix: string, text: string) => `${prefix}/${text}`;
  const feeds = new Map<string, Tensor>();
  for (const [prefix, one] of all) for (const [key, tensor] of one.feeds) feeds.set(prefixed(prefix, key), tensor);
  const requests = Array.from(all, ([name, one]) => ({
    name,
    setup: (one.setup ?? []).map((text) => prefixed(name, text)),
    feeds: [...one.feeds.keys()].map((text) => prefixed(name, text)),
    fetches: one.fetches.map((text) => prefixed(name, formatValue(parseValue(text)))),
  }));
  const graph = (names: readonly string[]) => {
    const library = new Map(names.flatMap((name) => [...(all.get(name)!.library ?? [])]));
    const nodes = names.flatMap((name) => all.get(name)!.nodes.map((one) => underPrefix(one, name)));
    return writeGraphDef(new Graph(nodes, library, versionsFor(nodes)));
  };
  const results = await tf.runCases({ graph, feeds, cases: requests, timeoutSeconds });
  return requests.map(({ name }) => results.get(name)!);
}

/** The last version of GraphDef in which TensorFlow runs an op that it has removed since. */
const removed: Partial<Record<string, number>> = {
  BatchNormWithGlobalNormalization: 8,
  PlaceholderV2: 22,
  QuantizeAndDequantize: 21,
  TopK: 6,
};

function versionsFor(nodes: readonly Node[]): unknown {
  const producers = nodes.flatMap((one) => removed[one.op] ?? []);
  if (producers.length === 0) return undefined;
  return { version: 0, versions: create(VersionDefSchema, { producer: Math.min(...producers) }) };
}

const underPrefix = (one: Node, prefix: string): Node => ({
  ...one,
  name: `${prefix}/${one.name}`,
  inputs: one.inputs.map(({ node: from, port }) => ({ node: `${prefix}/${from}`, port })),
  controls: one.controls.map((from) => `${prefix}/${from}`),
});
