import type { Case, Suite } from '../suite.ts';

const cases: readonly Case[] = [];

/** SavedModels through their signatures, against TensorFlow. */
export const savedModels: Suite = {
  about: 'SavedModels through their signatures, against TensorFlow',
  cases: async () => cases,
};
