import type { OpCase } from '../graph-case.ts';
export const opCases = (): OpCase[] => [];
