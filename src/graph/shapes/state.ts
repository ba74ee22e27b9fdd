import { readAttr } from '../attr.ts';
import type { ShapeRule } from '../infer.ts';
import type { OpName } from '../ops/index.ts';
import { asScalar } from './dims.ts';

const declared: ShapeRule = ({ node }) => [readAttr(node, 'shape', 'shape', null)];

/** Shapes of variables. What a handle leads to is not followed: octet freezes variables before it infers. */
export const stateShapes = {
  IsVariableInitialized: asScalar,
  TemporaryVariable: declared,
  VarHandleOp: asScalar,
  VarIsInitializedOp: asScalar,
  Variable: declared,
  VariableV2: declared,
} satisfies Partial<Record<OpName, ShapeRule>>;
