import type { GraphCase } from '../graph-case.ts';
export const graphCases = (): GraphCase[] => [];
