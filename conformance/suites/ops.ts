import type { Case, Suite } from '../suite.ts';

const cases: readonly Case[] = [];

/** One op at a time, octet's reference runtime against TensorFlow over random inputs. */
export const ops: Suite = {
  about: "One op at a time, octet's reference runtime against TensorFlow over random inputs",
  cases: async () => cases,
};
