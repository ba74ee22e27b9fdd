import { UnsupportedError, UserError } from '../../base/errors.ts';
import { type Attr, type Attrs, attrs, readAttr, type } from '../../graph/attr.ts';
import { freshName } from '../../graph/builder.ts';
import { constTensor } from '../../graph/constant.ts';
import type { Graph, Node, Value } from '../../graph/graph.ts';
import { value } from '../../graph/graph.ts';

/** What each of the converter's fused ops starts with, and the attributes that op has. */
const fused: ReadonlyMap<string, { op: string; attrs: readonly string[] }> = new Map([
  [
    '_FusedConv2D',
    { op: 'Conv2D', attrs: ['T', 'strides', 'padding', 'explicit_paddings', 'data_format', 'dilations'] },
  ],
  [
    'FusedDepthwiseConv2dNative',
    {
      op: 'DepthwiseConv2dNative',
      attrs: ['T', 'strides', 'padding', 'explicit_paddings', 'data_format', 'dilations'],
    },
  ],
  ['_FusedMatMul', { op: 'MatMul', attrs: ['T', 'transpose_a', 'transpose_b'] }],
]);

/** How many further inputs each fused op takes. */
const extraInputs: ReadonlyMap<string, number> = new Map([
  ['BiasAdd', 1],
  ['FusedBatchNorm', 4],
  ['Prelu', 1],
  ['Relu', 0],
  ['Relu6', 0],
  ['Elu', 0],
  ['Sigmoid', 0],
  ['Tanh', 0],
  ['LeakyRelu', 0],
]);

/**
 * The graph in TensorFlow's own ops: what the TensorFlow.js converter fused (`_FusedConv2D`, `FusedDepthwiseConv2dNative`,
 * `_FusedMatMul`) is taken apart again, and `Prelu`, which TensorFlow does not have, becomes relu(x) − α·relu(−x), as Keras
 * writes it. The last op keeps the name; the others are called `name/Conv2D`, `name/BiasAdd` … Throws `UnsupportedError`
 * naming all nodes that fuse an op octet does not know.
 */
export function expandFused(graph: Graph): Graph {
  const taken = new Set(graph.nodes.keys());
  const cases: { node: string; op: string; what: string }[] = [];
  const nodes = [...graph.nodes.values()].flatMap((node): readonly Node[] => {
    const named = (name: string): string => {
      const fresh = freshName(`${node.name}/${name}`, (t) => taken.has(t));
      taken.add(fresh);
      return fresh;
    };
    if (node.op === 'Prelu')
      return prelu(node, node.inputs[0], node.inputs[1], readAttr(node, 'T', 'type', 'float32'), named);
    const start = fused.get(node.op);
    if (start === undefined) return [node];
    const ops = readAttr(node, 'fused_ops', 'strings', []);
    const unknown = ops.filter((op) => !extraInputs.has(op));
    if (unknown.length === 0) return expand(node, start, ops, graph, named);
    cases.push({ node: node.name, op: node.op, what: `fuses ${unknown.join(', ')}, which octet does not know` });
    return [node];
  });
  if (cases.length > 0) throw new UnsupportedError(cases);
  return graph.with(nodes);
}

function expand(
  node: Node,
  start: { op: string; attrs: readonly string[] },
  ops: readonly string[],
  graph: Graph,
  named: (name: string) => string,
): readonly Node[] {
  const wanted = 2 + ops.reduce((sum, op) => sum + extraInputs.get(op)!, 0);
  if (node.inputs.length !== wanted)
    throw new UserError(`has ${node.inputs.length} inputs; ${wanted} are wanted`, { node: node.name, op: node.op });
  const kept = start.attrs.flatMap((name): [string, Attr][] => {
    const attr = node.attrs.get(name);
    return attr === undefined ? [] : [[name, attr]];
  });
  const nameOf = (step: number, op: string) => (step === ops.length ? node.name : named(op));
  const out: Node[] = [
    { ...node, name: nameOf(0, start.op), op: start.op, inputs: node.inputs.slice(0, 2), attrs: new Map(kept) },
  ];
  let next = 2;
  for (const [i, op] of ops.entries()) {
    const inputs = node.inputs.slice(next, next + extraInputs.get(op)!);
    next += inputs.length;
    const name = nameOf(i + 1, op);
    out.push(...expandStep(node, op, name, value(out.at(-1)!.name), inputs, graph, named));
  }
  return out;
}

function expandStep(
  node: Node,
  op: string,
  name: string,
  x: Value,
  inputs: readonly Value[],
  graph: Graph,
  named: (name: string) => string,
): readonly Node[] {
  const T = type(readAttr(node, 'T', 'type', 'float32'));
  const dataFormat = readAttr(node, 'data_format', 'string', 'NHWC');
  const make = (made: string, values: readonly Value[], more: Attrs = new Map()): Node => ({
    name,
    op: made,
    inputs: values,
    controls: [],
    attrs: new Map<string, Attr>([['T', T], ...more]),
  });
  if (op === 'Prelu')
    return prelu({ ...node, name, controls: [] }, x, inputs[0], readAttr(node, 'T', 'type', 'float32'), named);
  if (op === 'BiasAdd') {
    const bias = graph.nodes.get(inputs[0]!.node);
    const rank = bias && constTensor(bias)?.shape.length;
    // The converter also calls an addition of another shape a bias.
    if (rank !== undefined && rank !== 1) return [make('AddV2', [x, ...inputs])];
    return [make('BiasAdd', [x, ...inputs], attrs({ data_format: dataFormat }))];
  }
  if (op === 'FusedBatchNorm') {
    const epsilon: Attr = { float: readAttr(node, 'epsilon', 'float', 1e-4) };
    const norm = make(
      'FusedBatchNormV3',
      [x, ...inputs],
      attrs({ epsilon, data_format: dataFormat, is_training: false, U: T }),
    );
    return [norm];
  }
  const alpha =
    op === 'LeakyRelu' ? attrs({ alpha: { float: readAttr(node, 'leakyrelu_alpha', 'float', 0.2) } }) : undefined;
  return [make(op, [x], alpha)];
}

/** relu(x) − α·relu(−x): x above zero, α·x below; exact. */
function prelu(
  node: Node,
  x: Value | undefined,
  alpha: Value | undefined,
  dtype: 'float32' | Parameters<typeof type>[0],
  named: (name: string) => string,
): readonly Node[] {
  if (x === undefined || alpha === undefined) throw new UserError('has no slope', { node: node.name, op: node.op });
  const made: Node[] = [];
  const put = (op: string, name: string, inputs: readonly Value[]): Value => {
    made.push({ name, op, inputs, controls: [], attrs: attrs({ T: type(dtype) }) });
    return value(name);
  };
  const above = put('Relu', named('Relu'), [x]);
  const below = put('Relu', named('Relu_neg'), [put('Neg', named('Neg'), [x])]);
  const sloped = put('Mul', named('Mul'), [alpha, below]);
  made.push({
    name: node.name,
    op: 'Sub',
    inputs: [above, sloped],
    controls: node.controls,
    attrs: attrs({ T: type(dtype) }),
  });
  return made;
}
