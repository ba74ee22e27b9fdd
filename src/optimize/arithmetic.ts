import { isFloat } from '../base/dtype.ts';
import { sameShape } from '../base/shape.ts';
import { numbersOf } from '../base/tensor.ts';
import type { Value } from '../graph/graph.ts';
import { any, type Constant, commutative, constant, op } from '../graph/pattern.ts';
import { type RewriteContext, rule } from '../graph/rewrite.ts';
import { opAttr } from '../graph/signature.ts';
import { rulePass } from './pass.ts';

/** Whether all elements are `wanted`, and the constant does not widen `x` by broadcasting. */
function isNeutral(x: Value, c: Constant, wanted: number, { type }: RewriteContext): boolean {
  if (!isFloat(c.tensor.dtype) || c.tensor.dtype === 'float16' || c.tensor.dtype === 'bfloat16') return false;
  if (!numbersOf(c.tensor).every((v) => v === wanted)) return false;
  const { shape } = type(x);
  const { shape: own } = c.tensor;
  if (own.length === 0) return true;
  if (shape === null || own.length > shape.length) return false;
  const lead = shape.length - own.length;
  return own.every((dim, i) => dim === 1 || dim === shape[i + lead]);
}

/** x · 1, 1 · x, x / 1  ⇒  x. Needs: the ones do not widen x. Exact. */
const mulByOne = rule('mul-by-one', commutative('Mul', any('x'), constant('c')), ({ x, c }, context) =>
  isNeutral(x, c, 1, context) ? x : undefined,
);
const divByOne = rule('div-by-one', op(['RealDiv', 'Div'], any('x'), constant('c')), ({ x, c }, context) =>
  isNeutral(x, c, 1, context) ? x : undefined,
);

/** x + 0, 0 + x, x − 0  ⇒  x. Needs: the zeros do not widen x. Exact, but that −0 + 0 is 0. */
const addZero = rule('add-zero', commutative(['Add', 'AddV2'], any('x'), constant('c')), ({ x, c }, context) =>
  isNeutral(x, c, 0, context) ? x : undefined,
);
const subZero = rule('sub-zero', op('Sub', any('x'), constant('c')), ({ x, c }, context) =>
  isNeutral(x, c, 0, context) ? x : undefined,
);

const relus = ['Relu', 'Relu6'] as const;

/** Relu(Relu(x)) ⇒ Relu(x); with a Relu6 for either ⇒ Relu6(x). Needs: nobody else reads the inner one. Exact. */
const mergeRelus = rule(
  'merge-relus',
  op(relus, op(relus, any('x')).as('inner')).as('outer'),
  ({ x, inner, outer }, { add }) =>
    add(inner.op === 'Relu6' || outer.op === 'Relu6' ? 'Relu6' : 'Relu', 'merged', [x], outer.attrs),
);

const isScalar = (c: Constant, wanted: number): boolean =>
  c.tensor.dtype === 'float32' && sameShape(c.tensor.shape, []) && c.tensor.data[0] === wanted;

/** Maximum(x, 0)  ⇒  Relu(x). Needs: float32, a scalar. Exact. */
const maximumToRelu = rule(
  'maximum-to-relu',
  commutative('Maximum', any('x'), constant('c')).as('node'),
  ({ x, c, node }, { add }) => (isScalar(c, 0) ? add('Relu', 'relu', [x], node.attrs) : undefined),
);

/** Minimum(Relu(x), 6) and Relu(Minimum(x, 6))  ⇒  Relu6(x). Needs: float32, a scalar; nobody else reads the inner one. Exact. */
const minimumToRelu6 = rule(
  'minimum-to-relu6',
  commutative('Minimum', op(relus, any('x')), constant('c')).as('node'),
  ({ x, c, node }, { add }) => (isScalar(c, 6) ? add('Relu6', 'relu6', [x], node.attrs) : undefined),
);
const reluOfMinimum = rule(
  'minimum-to-relu6',
  op('Relu', commutative('Minimum', any('x'), constant('c'))).as('node'),
  ({ x, c, node }, { add }) => (isScalar(c, 6) ? add('Relu6', 'relu6', [x], node.attrs) : undefined),
);

/** ClipByValue(x, 0, 6)  ⇒  Relu6(x). Needs: float32, scalars. Exact. */
const clipToRelu6 = rule(
  'clip-to-relu6',
  op('ClipByValue', any('x'), constant('low'), constant('high')).as('node'),
  ({ x, low, high, node }, { add }) =>
    opAttr(node, 'T', 'type') === 'float32' && isScalar(low, 0) && isScalar(high, 6)
      ? add('Relu6', 'relu6', [x], node.attrs)
      : undefined,
);

export const arithmetic = rulePass('arithmetic', [
  mulByOne,
  divByOne,
  addZero,
  subZero,
  mergeRelus,
  maximumToRelu,
  minimumToRelu6,
  reluOfMinimum,
  clipToRelu6,
]);
