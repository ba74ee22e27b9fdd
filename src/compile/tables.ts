import type { Tensor } from '../base/tensor.ts';
import { tensor } from '../base/tensor.ts';
import { type } from '../graph/attr.ts';
import { constTensor } from '../graph/constant.ts';
import type { Node, Value } from '../graph/graph.ts';
import { any, type Constant, constant, op } from '../graph/pattern.ts';
import { type RewriteContext, type Rule, rule } from '../graph/rewrite.ts';
import type { ReferenceKernel } from '../kernels/reference-kernel.ts';
import { endsIsland, internal, isPlainDequantize } from './island.ts';

/** Ops of one varying operand that compute each element by itself, when all others are single numbers. */
const elementwise: ReadonlySet<string> = new Set([
  ...['Relu', 'Relu6', 'LeakyRelu', 'Elu', 'Selu', 'Sigmoid', 'Tanh', 'Softplus', 'Softsign', 'Erf', 'Exp', 'Log'],
  ...['Neg', 'Abs', 'Square', 'Sqrt', 'Rsqrt', 'Reciprocal', 'Inv', 'Identity', 'StopGradient', 'Round', 'Sign'],
  ...[
    'Add',
    'AddV2',
    'Sub',
    'Mul',
    'RealDiv',
    'Maximum',
    'Minimum',
    'ClipByValue',
    'Pow',
    'BiasAdd',
    'SquaredDifference',
  ],
]);

type Bound = { readonly source: Value; readonly min: Constant; readonly max: Constant; readonly end: Node };

/**
 * QuantizeV2(f(Dequantize(q)))  ⇒  _OctetTable(q), for any f made of elementwise ops and numbers: the 256 results as the
 * reference kernels compute them, so it is exact. With no f at all it brings codes from one range to another.
 */
export const tableRule = (reference: (op: string) => ReferenceKernel | undefined): Rule =>
  rule(
    'island-table',
    op('QuantizeV2', any('source'), constant('min'), constant('max')).as('end'),
    ({ source, min, max, end }: Bound, context) => {
      const dtype = endsIsland(end);
      const found = dtype && chainOf(source, context);
      if (dtype === undefined || found === undefined) return undefined;
      const entries = evaluate([...found.chain, end], found.from, context, reference);
      if (entries === undefined) return undefined;
      const codes = found.from.inputs[0]!;
      const inputs = [codes, context.constant('table', entries), min.value, max.value];
      const { node } = context.add(internal('_OctetTable'), 'table', inputs, { out_type: type(dtype) });
      return [0, 1, 2].map((port) => ({ node, port }));
    },
  );

/** Longer chains than this are no activations. */
const maxChain = 24;

/** The elementwise nodes between `source` and the only Dequantize behind it, in topological order. */
function chainOf(source: Value, context: RewriteContext): { chain: readonly Node[]; from: Node } | undefined {
  const order: Node[] = [];
  const seen = new Set<string>();
  let from: Node | undefined;
  const visit = (v: Value): boolean => {
    const node = context.node(v.node);
    if (seen.has(node.name) || isNumber(node)) return v.port === 0;
    seen.add(node.name);
    if (node.op === 'Dequantize') {
      if (from !== undefined || !isPlainDequantize(node, context)) return false;
      from = node;
      return true;
    }
    const isElementwise = elementwise.has(node.op) && node.controls.length === 0 && v.port === 0;
    if (!isElementwise || seen.size > maxChain || !node.inputs.every(visit)) return false;
    order.push(node);
    return true;
  };
  return visit(source) && from !== undefined ? { chain: order, from } : undefined;
}

const isNumber = (node: Node): boolean => constTensor(node)?.data.length === 1;

/** The results of a chain for each of 256 codes; undefined where a kernel is missing or a result is no number. */
function evaluate(
  chain: readonly Node[],
  from: Node,
  { node: find }: RewriteContext,
  reference: (op: string) => ReferenceKernel | undefined,
): Tensor | undefined {
  const results = new Map<string, Tensor>();
  const resultOf = (v: Value): Tensor | undefined => results.get(v.node) ?? constTensor(find(v.node));
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
  const isSigned = from.attrs.get('T');
  const signed = isSigned !== undefined && 'type' in isSigned && isSigned.type === 'qint8';
  const codes = signed ? tensor('qint8', [256], new Int8Array(bytes.buffer)) : tensor('quint8', [256], bytes);
  for (const node of [from, ...chain]) {
    const inputs = node.inputs.map((v, i) => (node === from && i === 0 ? codes : resultOf(v)));
    const kernel = reference(node.op);
    if (kernel === undefined || !inputs.every((t) => t !== undefined)) return undefined;
    const [result] = kernel(inputs as Tensor[], node, { session: new Map(), run: new Map(), assets: new Map() });
    if (result === undefined || (result.dtype === 'float32' && result.data.some(Number.isNaN))) return undefined;
    results.set(node.name, result);
  }
  const last = results.get(chain.at(-1)!.name)!;
  return last.data.length === 256 ? last : undefined;
}
