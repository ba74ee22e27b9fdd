import type { GraphCase } from '../../graph-case.ts';
import { flow, functions } from './flow.ts';
import { arrays, lists } from './lists.ts';
import { optionals, variables } from './state.ts';
import { summed } from './summed.ts';
import { tables } from './tables.ts';

/** Ops that are more than a function of their inputs, each in a small graph: state, lists, tables, control flow, functions. */
export const graphCases = (): GraphCase[] => [
  ...lists(),
  ...arrays(),
  ...variables(),
  ...tables(),
  ...optionals(),
  ...flow(),
  summed(),
  ...functions(),
];
