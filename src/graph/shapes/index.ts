import type { ShapeRule } from '../infer.ts';
import type { OpName } from '../ops/index.ts';

/** For each op the shapes of its outputs. */
export const shapeRules: Readonly<Partial<Record<OpName, ShapeRule>>> = {};
