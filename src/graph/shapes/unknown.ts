import type { ShapeRule } from '../infer.ts';

/** Nothing is known of the outputs before running. */
export const unknownShape: ShapeRule = ({ outputs }) => new Array(outputs).fill(null);
