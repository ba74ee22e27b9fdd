import { isFullShape, type PartialShape, sizeOf } from '../base/shape.ts';
import { tensorOf } from '../base/tensor.ts';
import { type } from '../graph/attr.ts';
import { constTensor } from '../graph/constant.ts';
import type { Node, Value } from '../graph/graph.ts';
import { op } from '../graph/pattern.ts';
import { type RewriteContext, rule } from '../graph/rewrite.ts';
import { opAttr } from '../graph/signature.ts';
import { rulePass } from './pass.ts';

const reshapeOps = ['Reshape', 'Squeeze', 'ExpandDims'] as const;
const isReshape = (node: Node | undefined): node is Node =>
  (reshapeOps as readonly (string | undefined)[]).includes(node?.op);

/**
 * Reshape, Squeeze, ExpandDims to the shape that the input has  ⇒  the input.
 *
 * Needs: both shapes known, with the same single unknown size at most, as a batch. Exact.
 */
const dropReshape = rule('drop-reshape', op(reshapeOps).as('node'), ({ node }, context) => {
  const x = node.inputs[0]!;
  const [from, to] = [context.type(x).shape, wantedShape(node, context)];
  return from !== null && to !== null && sameDims(from, to) ? x : undefined;
});

/** The shape that a node gives, by its own type or by the sizes it asks for. */
const wantedShape = (node: Node, { type: typeOf }: RewriteContext): PartialShape =>
  typeOf({ node: node.name, port: 0 }).shape;

/** Equal sizes; one may be unknown in both at the same place, for then the others make it equal too. */
const sameDims = (a: readonly (number | null)[], b: readonly (number | null)[]): boolean =>
  a.length === b.length &&
  a.every((dim, i) => dim === b[i]) &&
  a.filter((dim) => dim === null).length <= 1 &&
  a.every((dim) => dim !== 0);

/**
 * Reshape, Squeeze or ExpandDims after another of them  ⇒  one Reshape.
 *
 * Needs: the final shape known but for one size. The inner one may have other readers. Exact.
 */
const mergeReshapes = rule('merge-reshapes', op(reshapeOps).as('outer'), ({ outer }, context) => {
  const inner = context.find(outer.inputs[0]!.node);
  if (!isReshape(inner)) return undefined;
  const dims = targetDims(outer, context);
  return dims === undefined ? undefined : reshapeTo(inner.inputs[0]!, dims, outer, context);
});

/** What to give a Reshape for `node`: its output's shape with −1 for the one size that is not known. */
function targetDims(node: Node, context: RewriteContext): number[] | undefined {
  const asked = node.op === 'Reshape' ? constTensor(context.node(node.inputs[1]!.node)) : undefined;
  if (asked !== undefined) return Array.from(asked.data as ArrayLike<number | bigint>, Number);
  const shape = wantedShape(node, context);
  if (shape === null || shape.filter((dim) => dim === null).length > 1) return undefined;
  if (shape.includes(null) && shape.includes(0)) return undefined;
  return shape.map((dim) => dim ?? -1);
}

function reshapeTo(x: Value, dims: readonly number[], like: Node, { add, constant }: RewriteContext): Value {
  const shape = constant('shape', tensorOf('int32', dims));
  return add('Reshape', 'reshaped', [x, shape], { T: type(opAttr(like, 'T', 'type')), Tshape: type('int32') });
}

/**
 * Reshape(x, computed)  ⇒  Reshape(x, constant), −1 standing for the one size that only the run knows:
 * Shape → StridedSlice → Pack → Reshape becomes a Reshape.
 *
 * Needs: the sizes asked for known but for one, none of them zero; or the shape of the result. Exact.
 */
const constantReshape = rule('constant-reshape', op('Reshape').as('node'), ({ node }, context) => {
  if (constTensor(context.node(node.inputs[1]!.node)) !== undefined) return undefined;
  const x = node.inputs[0]!;
  const from = context.type(x).shape;
  const dims = [context.elements(node.inputs[1]!), wantedShape(node, context)]
    .map(withOneOpen)
    .find((d) => d !== undefined);
  // −1 can't be told from the rest where the input is empty.
  if (dims === undefined || (dims.includes(-1) && isFullShape(from) && sizeOf(from) === 0)) return undefined;
  return reshapeTo(x, dims, node, context);
});

/** Sizes with −1 for the unknown one, be it null or −1 already; undefined where there are two, or a zero. */
function withOneOpen(sizes: readonly (number | null)[] | null | undefined): readonly number[] | undefined {
  const dims = sizes?.map((dim) => dim ?? -1);
  return dims === undefined || dims.includes(0) || dims.filter((dim) => dim === -1).length > 1 ? undefined : dims;
}

export const reshape = rulePass('reshape', [dropReshape, constantReshape, mergeReshapes]);
