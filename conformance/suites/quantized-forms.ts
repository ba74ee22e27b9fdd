import type { Case, Suite } from '../suite.ts';

const cases: readonly Case[] = [];

/** Each quantized form that octet writes, run by TensorFlow and by octet. */
export const quantizedForms: Suite = {
  about: 'Each quantized form that octet writes, run by TensorFlow and by octet',
  cases: async () => cases,
};
