import { attrValue, readAttr } from '../graph/attr.ts';
import { formatValue, type Graph, type Node, type Value } from '../graph/graph.ts';
import type { OpName } from '../graph/ops/index.ts';
import { rangeKey, rangeLimit } from './int8.ts';

/** A place of a quantized graph that wants a range: a QuantizeV2 or a Requantize. */
export type Site = {
  readonly node: Node;
  /** The fp32 value whose range it is: the name that the ranges file uses. */
  readonly key: string;
  /** The inputs of the node that give the range; constants once it is frozen. */
  readonly min: Value;
  readonly max: Value;
  /** Codes begin at zero (quint8 SCALED), are symmetric (qint8), or span the range (quint8 MIN_FIRST). */
  readonly form: 'unsigned' | 'signed' | 'shifted';
  /** What is above is cut off: 6 after relu6. */
  readonly limit: number | undefined;
};

/** Ops that ask for the range of what they give, with the inputs that carry it. */
const rangeInputs: Readonly<Record<string, readonly [min: number, max: number]>> = Object.assign(Object.create(null), {
  QuantizeV2: [1, 2],
  Requantize: [3, 4],
  RequantizePerChannel: [3, 4],
} satisfies Record<string, readonly [number, number]>);

/** The site that `node` is, if it is one. */
export function siteOf(node: Node): Site | undefined {
  const inputs = rangeInputs[node.op];
  const key = node.attrs.get(rangeKey);
  if (inputs === undefined || key === undefined) return undefined;
  const limit = node.attrs.get(rangeLimit);
  return {
    node,
    key: attrValue(key, 'string') ?? formatValue({ node: node.name, port: 0 }),
    min: node.inputs[inputs[0]]!,
    max: node.inputs[inputs[1]]!,
    form: formOf(node),
    limit: limit && attrValue(limit, 'float'),
  };
}

function formOf(node: Node): Site['form'] {
  const dtype = node.op === 'QuantizeV2' ? readAttr(node, 'T', 'type') : readAttr(node, 'out_type', 'type', 'quint8');
  if (dtype === 'qint8') return 'signed';
  return node.op === 'QuantizeV2' && readAttr(node, 'mode', 'string', 'MIN_COMBINED') !== 'SCALED'
    ? 'shifted'
    : 'unsigned';
}

/** All sites of a graph, in its order. */
export const sitesOf = (graph: Graph): readonly Site[] => graph.order().flatMap((node) => siteOf(node) ?? []);

/** Ops that stock TensorFlow runs on quint8 and qint8 as they are, with their first input moved to the output. */
export const moverOps = [
  'Identity',
  'Reshape',
  'Squeeze',
  'ExpandDims',
  'Pad',
  'StridedSlice',
  'Slice',
] as const satisfies readonly OpName[];

/** Ops that give codes on the scale of their first input (concat: of all its values). */
const scaleKeepers: ReadonlySet<string> = new Set([
  'QuantizedMaxPool',
  'QuantizedAvgPool',
  'QuantizedReshape',
  ...moverOps,
]);

/** The nodes that decided the scale of `codes`: more than one behind a concat. */
export function scaleSources(graph: { readonly node: (name: string) => Node }, codes: Value): readonly Node[] {
  const found = new Set<Node>();
  const seen = new Set<string>();
  const stack = [codes.node];
  while (stack.length > 0) {
    const node = graph.node(stack.pop()!);
    if (seen.has(node.name)) continue;
    seen.add(node.name);
    if (scaleKeepers.has(node.op)) stack.push(node.inputs[0]!.node);
    else if (node.op === 'QuantizedConcatV2')
      stack.push(...node.inputs.slice(0, readAttr(node, 'N', 'int')).map((v) => v.node));
    else found.add(node);
  }
  return [...found];
}
