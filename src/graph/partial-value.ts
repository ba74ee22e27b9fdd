import { isDType } from '../base/dtype.ts';
import { numbersOf } from '../base/tensor.ts';
import { constTensor } from './constant.ts';
import type { Node, Value } from './graph.ts';
import type { TypeOf } from './infer.ts';

/** What partial evaluation may ask for. */
export type PartialContext = {
  readonly type: (value: Value) => TypeOf;
  readonly elements: (value: Value) => readonly (number | null)[] | undefined;
};

/** Elements are worth knowing for shapes, axes and the like, not for weights. */
const maxElements = 1024;

/**
 * The elements of an integer value as far as they are known before running: `Shape → StridedSlice → Pack → Reshape` gives
 * the sizes that are known, and null for the batch. Undefined where nothing is known.
 */
export function partialValues(
  node: Node,
  _port: number,
  context: PartialContext,
): readonly (number | null)[] | undefined {
  const tensor = constTensor(node);
  if (tensor !== undefined) {
    const isNumeric = isDType(tensor.dtype) && !['string', 'resource', 'variant'].includes(tensor.dtype);
    return isNumeric && tensor.data.length <= maxElements ? numbersOf(tensor) : undefined;
  }
  const rule = partialRules[node.op];
  return rule?.(node, context);
}

type PartialRule = (node: Node, context: PartialContext) => readonly (number | null)[] | undefined;

const partialRules: Readonly<Record<string, PartialRule>> = Object.assign(Object.create(null), {
  Identity: (node, { elements }) => elements(node.inputs[0]!),
  Shape: (node, { type }) => type(node.inputs[0]!).shape ?? undefined,
} satisfies Record<string, PartialRule>);
