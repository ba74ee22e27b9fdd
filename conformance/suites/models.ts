import type { Case, Suite } from '../suite.ts';

const cases: readonly Case[] = [];

/** Whole models, fp32 and quantized, against TensorFlow. */
export const models: Suite = {
  about: 'Whole models, fp32 and quantized, against TensorFlow',
  cases: async () => cases,
};
