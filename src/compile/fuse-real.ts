import { sameShape } from '../base/shape.ts';
import { type Attrs, int, readAttr, strings } from '../graph/attr.ts';
import type { Graph, Node, Value } from '../graph/graph.ts';
import type { OpName } from '../graph/ops/index.ts';
import { any, type Constant, commutative, constant, op } from '../graph/pattern.ts';
import { type RewriteContext, type Rule, rewrite, rule } from '../graph/rewrite.ts';

/**
 * What follows a float32 convolution or matrix product becomes part of it, as TensorFlow's own runtime does it: graphs that
 * are about to run natively get TensorFlow's `_Fused…` ops, whose kernels do the rest in their epilogue.
 */
export function fuseRealOps(graph: Graph, keep: ReadonlySet<string>): Graph {
  return rewrite(graph, rules, { keep, order: 'outputs-first' });
}

const fusedForms = {
  Conv2D: '_FusedConv2D',
  DepthwiseConv2dNative: '_FusedDepthwiseConv2dNative',
  MatMul: '_FusedMatMul',
} as const satisfies Partial<Record<OpName, OpName>>;
type Product = keyof typeof fusedForms;

const activations = ['Relu', 'Relu6'] as const;
type Activation = (typeof activations)[number];

const isPlain = ({ op: name, attrs }: Node): boolean =>
  readAttr({ attrs } as Node, 'T', 'type') === 'float32' &&
  !(name === 'DepthwiseConv2dNative' && readAttr({ attrs } as Node, 'padding', 'string') === 'EXPLICIT');

const fusedAttrs = ({ attrs }: Node, args: number, names: readonly string[]): Attrs =>
  new Map([...attrs, ['num_args', int(args)], ['fused_ops', strings(names)]]);

type Bound = { readonly product: Node; readonly b: Constant };

function fused(
  context: RewriteContext,
  { product, b }: Bound,
  names: readonly string[],
  more: readonly Value[],
): Value | undefined {
  if (!isPlain(product) || b.tensor.dtype !== 'float32' || b.tensor.shape.length !== 1) return undefined;
  const [x, weights] = product.inputs as readonly [Value, Value];
  const form = fusedForms[product.op as Product];
  const inputs = [x, weights, b.value, ...more];
  return context.add(form, 'fused', inputs, fusedAttrs(product, 1 + more.length, names));
}

const withBias = (name: Product) => op('BiasAdd', op(name).as('product'), constant('b')).as('sum');

/** activation(BiasAdd(product(x, w), b))  ⇒  _Fused…(x, w, b; BiasAdd, activation), and without an activation. */
function biasRule(name: Product, activation?: Activation): Rule {
  const pattern = activation === undefined ? withBias(name) : op(activation, withBias(name));
  const names = ['BiasAdd', ...(activation === undefined ? [] : [activation])];
  return rule(`fuse-${[name, ...names].join('-')}`.toLowerCase(), pattern, (bound: Bound, context) =>
    fused(context, bound, names, []),
  );
}

/** The same with a residual add of the same shape between them. */
function sumRule(name: Product, addOp: 'Add' | 'AddV2', activation?: Activation): Rule {
  const add = commutative(addOp, withBias(name), any('z'));
  const pattern = activation === undefined ? add : op(activation, add);
  const names = ['BiasAdd', 'Add', ...(activation === undefined ? [] : [activation])];
  type Summed = Bound & { readonly z: Value; readonly sum: Node };
  return rule(`fuse-${[name, addOp, activation ?? ''].join('-')}`.toLowerCase(), pattern, (bound: Summed, context) => {
    const [own, other] = [context.type({ node: bound.sum.name, port: 0 }).shape, context.type(bound.z).shape];
    // The batch may be unknown, the same of both.
    const isSame = own !== null && other !== null && sameShape(own as number[], other as number[]);
    const isKnown = own?.slice(1).every((dim) => dim !== null) === true;
    return isSame && isKnown ? fused(context, bound, names, [bound.z]) : undefined;
  });
}

const sums = (['Add', 'AddV2'] as const).flatMap((add) =>
  [...activations, undefined].map((activation) => sumRule('Conv2D', add, activation)),
);
const biases = (Object.keys(fusedForms) as Product[]).flatMap((name) =>
  [...activations, undefined].map((activation) => biasRule(name, activation)),
);
const rules: readonly Rule[] = [...sums, ...biases];
