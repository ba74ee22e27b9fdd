import type { Table } from '../notation.ts';
import { integer } from './integer.ts';
import { masks } from './masks.ts';
import { vectorFloat } from './vector-float.ts';
import { vectorInteger } from './vector-integer.ts';
import { vectorMove } from './vector-move.ts';
import { vectorShuffle } from './vector-shuffle.ts';

/** Every instruction, by mnemonic (`lock_xadd` for `lock xadd`). To add one, add its row to the table of its class. */
export const table = {
  ...integer,
  ...masks,
  ...vectorInteger,
  ...vectorFloat,
  ...vectorMove,
  ...vectorShuffle,
} as const satisfies Table;

export type Instructions = typeof table;
