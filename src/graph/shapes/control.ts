import type { PartialShape } from '../../base/shape.ts';
import { attrValue } from '../attr.ts';
import type { InferContext, ShapeRule } from '../infer.ts';
import type { OpName } from '../ops/index.ts';
import { asInput, asScalar, inputShape } from './dims.ts';

/** The attribute that lists the outputs' shapes, where it does. */
const listed: ShapeRule = ({ node, outputs }) => {
  const attr = node.attrs.get('output_shapes') ?? node.attrs.get('_output_shapes');
  const shapes = attr === undefined ? undefined : attrValue(attr, 'shapes');
  return Array.from({ length: outputs }, (_, i) => shapes?.[i] ?? null);
};

/** What holds whichever input comes: sizes that all of them share. */
const merge: ShapeRule = ({ inputs }) => {
  const [first, ...rest] = inputs.map((input) => input.shape);
  let shared: PartialShape = first ?? null;
  for (const shape of rest)
    shared =
      shared === null || shape === null || shape.length !== shared.length
        ? null
        : shared.map((dim, i) => (dim === shape[i] ? dim : null));
  return [shared, []];
};

/** A loop's variable may change its shape from turn to turn; its constants do not. */
const enter: ShapeRule = (context) => {
  const isConstant = context.node.attrs.get('is_constant');
  return [isConstant !== undefined && 'bool' in isConstant && isConstant.bool ? inputShape(context, 0) : null];
};

/** Both branches are as the data. */
const switched: ShapeRule = (context) => new Array<PartialShape>(context.outputs).fill(inputShape(context, 0));

/** The elements of a TensorArray or list, `count` of them; an element's own shape is not followed. */
const handle: ShapeRule = ({ outputs }) => [[2], []].slice(0, outputs);

const elementShape = (context: InferContext): PartialShape => {
  const attr = context.node.attrs.get('element_shape');
  return attr === undefined ? null : (attrValue(attr, 'shape') ?? null);
};

const gathered: ShapeRule = (context) => {
  const element = elementShape(context);
  const count = inputShape(context, 1)?.[0] ?? null;
  return [element === null ? null : [count, ...element]];
};

/** Shapes of control flow and TensorArrays. */
export const controlShapes = {
  Case: listed,
  Enter: enter,
  Exit: asInput,
  If: listed,
  LoopCond: asScalar,
  Merge: merge,
  NextIteration: asInput,
  PartitionedCall: listed,
  RefEnter: enter,
  RefExit: asInput,
  RefIdentity: asInput,
  RefMerge: merge,
  RefNextIteration: asInput,
  RefSwitch: switched,
  StatefulPartitionedCall: listed,
  StatelessCase: listed,
  StatelessIf: listed,
  StatelessWhile: listed,
  Switch: switched,
  _SwitchN: switched,
  TensorArrayGatherV3: gathered,
  TensorArrayReadV3: () => [null],
  TensorArrayScatterV3: asScalar,
  TensorArraySizeV3: asScalar,
  TensorArrayV3: handle,
  TensorArrayWriteV3: asScalar,
  TensorListLength: asScalar,
  ToBool: asScalar,
  While: listed,
} satisfies Partial<Record<OpName, ShapeRule>>;
