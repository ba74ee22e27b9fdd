import { broadcastShapes, isFullShape, type Shape, sizeOf, stridesOf } from '../base/shape.ts';
import { numbersOf } from '../base/tensor.ts';
import { constTensor } from '../graph/constant.ts';
import type { Node, Value } from '../graph/graph.ts';
import { opAttr } from '../graph/signature.ts';

/** The value of a float32 expression over constants, in float64. */
export type Expression = { readonly shape: Shape; readonly data: Float64Array };

/** Batch norms are vectors; weights and pictures are no business of this evaluator. */
const maxElements = 1 << 16;
const maxDepth = 32;

type Find = (name: string) => Node | undefined;
type Evaluated = readonly Expression[];

const map =
  (f: (x: number) => number) =>
  ([x]: Evaluated): Expression | undefined =>
    x && { shape: x.shape, data: x.data.map(f) };

const zip =
  (f: (x: number, y: number) => number) =>
  ([x, y]: Evaluated): Expression | undefined => {
    const shape = x && y && broadcastShapes(x.shape, y.shape);
    if (shape === undefined || sizeOf(shape) > maxElements) return undefined;
    const [at, bt] = [offsets(x!.shape, shape), offsets(y!.shape, shape)];
    return { shape, data: Float64Array.from(at, (a, i) => f(x!.data[a]!, y!.data[bt[i]!]!)) };
  };

/** For each element of `to` the element of `from` that broadcasting puts there. */
function offsets(from: Shape, to: Shape): Int32Array {
  const strides = stridesOf(from);
  const lead = to.length - from.length;
  const steps = to.map((_, axis) => (axis < lead || from[axis - lead] === 1 ? 0 : strides[axis - lead]!));
  const found = new Int32Array(sizeOf(to));
  const place = stridesOf(to);
  for (let i = 0; i < found.length; i++)
    for (let axis = 0; axis < to.length; axis++) found[i]! += (Math.floor(i / place[axis]!) % to[axis]!) * steps[axis]!;
  return found;
}

const reshape = ([x]: Evaluated, shape: Shape | undefined): Expression | undefined =>
  x && shape && sizeOf(shape) === x.data.length ? { shape, data: x.data } : undefined;

type Evaluator = (inputs: Evaluated, node: Node, find: Find) => Expression | undefined;
const same: Evaluator = ([x]) => x;

/** Null-prototype, since ops come from files. */
const evaluators: Readonly<Record<string, Evaluator>> = Object.assign(Object.create(null), {
  Identity: same,
  StopGradient: same,
  Snapshot: same,
  Add: zip((x, y) => x + y),
  AddV2: zip((x, y) => x + y),
  Sub: zip((x, y) => x - y),
  Mul: zip((x, y) => x * y),
  RealDiv: zip((x, y) => x / y),
  Div: zip((x, y) => x / y),
  Maximum: zip((x, y) => Math.max(x, y)),
  Rsqrt: map((x) => 1 / Math.sqrt(x)),
  Sqrt: map(Math.sqrt),
  Square: map((x) => x * x),
  Neg: map((x) => -x),
  Reciprocal: map((x) => 1 / x),
  Inv: map((x) => 1 / x),
  Reshape: (inputs, node, find) => reshape(inputs, targetShape(inputs, node, find)),
  ExpandDims: (inputs, node, find) => {
    const [axis] = integers(node, 1, find) ?? [];
    if (axis === undefined || inputs[0] === undefined) return undefined;
    const shape = [...inputs[0].shape];
    shape.splice(axis < 0 ? axis + shape.length + 1 : axis, 0, 1);
    return reshape(inputs, shape);
  },
  Squeeze: (inputs, node) => {
    const rank = inputs[0]?.shape.length ?? 0;
    const dims = opAttr(node, 'squeeze_dims', 'ints').map((d) => (d < 0 ? d + rank : d));
    return reshape(
      inputs,
      inputs[0]?.shape.filter((dim, i) => dim !== 1 || (dims.length > 0 && !dims.includes(i))),
    );
  },
} satisfies Record<string, Evaluator>);

function integers(node: Node, input: number, find: Find): number[] | undefined {
  const at = node.inputs[input];
  const from = at && find(at.node);
  const tensor = from && constTensor(from);
  return tensor === undefined || (tensor.dtype !== 'int32' && tensor.dtype !== 'int64') ? undefined : numbersOf(tensor);
}

function targetShape([x]: Evaluated, node: Node, find: Find): Shape | undefined {
  const wanted = integers(node, 1, find);
  if (wanted === undefined || x === undefined) return undefined;
  const known = wanted.filter((dim) => dim !== -1).reduce((a, b) => a * b, 1);
  const shape = wanted.map((dim) => (dim === -1 ? x.data.length / known : dim));
  return isFullShape(shape) && shape.every(Number.isInteger) ? shape : undefined;
}

/**
 * The value of `at` where it depends on float32 constants alone, computed in float64: what batch norms are made of comes
 * out rounded once, whatever order its `Rsqrt`, `Mul` and `Sub` stand in. Undefined for anything else.
 */
export function constantExpression(at: Value, find: Find, depth = 0): Expression | undefined {
  const node = at.port === 0 && depth < maxDepth ? find(at.node) : undefined;
  if (node === undefined || node.controls.length > 0) return undefined;
  const tensor = constTensor(node);
  if (tensor !== undefined) {
    if (tensor.dtype !== 'float32' || tensor.data.length > maxElements) return undefined;
    return { shape: tensor.shape, data: Float64Array.from(tensor.data) };
  }
  const evaluator = evaluators[node.op];
  if (evaluator === undefined) return undefined;
  const shaped = node.op === 'Reshape' || node.op === 'ExpandDims';
  const inputs = (shaped ? node.inputs.slice(0, 1) : node.inputs).map((input) =>
    constantExpression(input, find, depth + 1),
  );
  return inputs.every((input) => input !== undefined) ? evaluator(inputs, node, find) : undefined;
}
