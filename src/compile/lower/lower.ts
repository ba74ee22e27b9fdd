import { atNode, placed } from '../../base/errors.ts';
import { isFullShape, type Shape, sizeOf } from '../../base/shape.ts';
import type { Tensor } from '../../base/tensor.ts';
import { constTensor } from '../../graph/constant.ts';
import type { Value } from '../../graph/graph.ts';
import { inferTypes, type TypeOf } from '../../graph/infer.ts';
import type { ReferenceKernel } from '../../kernels/reference-kernel.ts';
import { internalTypes } from '../internal.ts';
import { elementType, isValue, type Layer, type Layers, type Operand, outputsOf, type Val } from '../layer.ts';
import type { Segment } from '../segment.ts';
import { lowerings } from './index.ts';
import { Declined, type LowerContext } from './lowering.ts';

/** What lowering does for nodes that no kernel computes. */
export type LowerOptions = {
  /** The reference kernel of an op, or undefined. */
  readonly reference: (op: string) => ReferenceKernel | undefined;
};

/** A segment for which there is no program for these shapes: what a node gives is unknown before it runs, empty, or too large. */
export class Unplannable extends Error {}

/**
 * The layers of a segment whose inputs have these types. What depends only on constants and shapes is computed now; nodes
 * without a native form become host layers. Layers that nobody needs are left out.
 */
export function lowerSegment(segment: Segment, inputs: readonly Val[], options: LowerOptions): Layers {
  const values: Val[] = [...inputs];
  const layers: Layer[] = [];
  const known = new Map<string, readonly Operand[]>();
  const assume = new Map<string, TypeOf>();
  for (const [i, { node, port }] of segment.inputs.entries()) {
    known.set(node, put(known.get(node) ?? [], port, { id: i }));
    if (port === 0) assume.set(node, inputs[i]!);
  }
  const types = inferTypes({ node: (name) => segment.graph.nodes.get(name), library: segment.graph.library, assume });
  const operandOf = ({ node, port }: Value): Operand => {
    const operand = known.get(node)?.[port];
    if (operand === undefined) throw new Unplannable(`reads ${node}:${port}, which is not there`);
    return operand;
  };
  for (const node of segment.graph.order()) {
    if (known.has(node.name)) continue;
    const operands = node.inputs.map(operandOf);
    const context: LowerContext = {
      node,
      operands,
      val: (id) => values[id]!,
      newValue: (dtype, shape) => {
        if (sizeOf(shape) === 0) throw new Unplannable(`${node.name} gives nothing`);
        return values.push({ dtype, shape }) - 1;
      },
      add: (layer) => layers.push(layer),
    };
    known.set(
      node.name,
      lowerNode(context, options, (port) => types.of({ node: node.name, port })),
    );
    // Inference does not know octet's own ops: what reads them learns here what they give.
    const [first] = internalTypes(node) === undefined ? [] : known.get(node.name)!;
    if (first !== undefined && isValue(first)) assume.set(node.name, values[first.id]!);
  }
  const outputs = segment.outputs.map(operandOf);
  return { values, layers: needed(layers, outputs), inputs: inputs.map((_, i) => i), outputs };
}

const put = (list: readonly Operand[], port: number, operand: Operand): readonly Operand[] => {
  const copy = [...list];
  copy[port] = operand;
  return copy;
};

function lowerNode(context: LowerContext, { reference }: LowerOptions, typeOf: (port: number) => TypeOf) {
  const { node, operands } = context;
  const tensor = constTensor(node);
  if (tensor !== undefined) return [{ tensor }];
  const kernel = reference(node.op);
  const known = atNode(node, () => knownNow(context, kernel));
  if (known !== undefined) return known.map((result): Operand => ({ tensor: result }));
  try {
    const lower = lowerings.get(node.op);
    if (lower !== undefined) return lower(context);
  } catch (error) {
    if (error instanceof Unplannable) throw error;
    if (!(error instanceof Declined)) throw placed(error, { node: node.name, op: node.op });
  }
  if (kernel === undefined) throw new Unplannable(`there is no kernel for ${node.op}`);
  return hostLayer(context, operands, typeOf);
}

const noResources = { session: new Map(), run: new Map(), assets: new Map() };

/** The results of a node that depends only on constants, or on the shapes of values. */
function knownNow(
  { node, operands, val }: LowerContext,
  kernel: ReferenceKernel | undefined,
): readonly Tensor[] | undefined {
  if (kernel === undefined) return undefined;
  if (shapeReaders.has(node.op)) {
    const shaped = operands.map((operand) => (isValue(operand) ? hollow(val(operand.id)) : operand.tensor));
    return kernel(shaped, node, noResources);
  }
  const tensors = operands.map((operand) => (isValue(operand) ? undefined : operand.tensor));
  return tensors.every((t) => t !== undefined) ? kernel(tensors, node, noResources) : undefined;
}

/** Ops that look at the shape of their input only. */
export const shapeReaders: ReadonlySet<string> = new Set(['Shape', 'ShapeN', 'Rank', 'Size']);

/** A tensor with a shape and no elements, for ops that read the shape only. */
const hollow = ({ dtype, shape }: Val): Tensor => ({ dtype, shape, data: new Uint8Array(0) }) as unknown as Tensor;

function hostLayer(
  { node, newValue, add }: LowerContext,
  operands: readonly Operand[],
  typeOf: (port: number) => TypeOf,
): readonly Operand[] {
  const outputs: number[] = [];
  for (let port = 0; ; port++) {
    const { dtype, shape } = typeOf(port);
    if (dtype === undefined) break;
    if (!isFullShape(shape)) throw new Unplannable(`the shape of ${node.name}:${port} is unknown`);
    if (elementType(dtype) === undefined) throw new Unplannable(`${node.name}:${port} is ${dtype}`);
    outputs.push(newValue(dtype, shape as Shape));
  }
  const inputs = operands.flatMap((operand) => (isValue(operand) ? [operand.id] : []));
  add({ kind: 'host', node, operands, inputs, outputs });
  return outputs.map((id) => ({ id }));
}

/** The layers that the outputs depend on. */
function needed(layers: readonly Layer[], outputs: readonly Operand[]): readonly Layer[] {
  const wanted = new Set(outputs.flatMap((operand) => (isValue(operand) ? [operand.id] : [])));
  const kept: Layer[] = [];
  for (const layer of layers.toReversed()) {
    if (!outputsOf(layer).some((id) => wanted.has(id))) continue;
    for (const id of layer.inputs) wanted.add(id);
    kept.push(layer);
  }
  return kept.reverse();
}
