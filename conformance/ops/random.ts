import type { OpCase } from '../graph-case.ts';
import { arrayCases } from './random-array.ts';
import { elementwiseCases } from './random-elementwise.ts';
import { layerCases } from './random-layers.ts';

/** Random and extreme inputs, from the seed in values.ts. */
export const opCases = (): OpCase[] => [...elementwiseCases(), ...layerCases(), ...arrayCases()];
