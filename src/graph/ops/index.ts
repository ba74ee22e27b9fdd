import { arrayOps } from './array.ts';
import { audioOps } from './audio.ts';
import { controlOps } from './control.ts';
import { dataOps } from './data.ts';
import { imageOps } from './image.ts';
import { mathOps } from './math.ts';
import { nnOps } from './nn.ts';
import { quantizedOps } from './quantized.ts';
import { randomOps } from './random.ts';
import { sparseOps } from './sparse.ts';
import { stateOps } from './state.ts';

/** Every op octet knows by its definition, as TensorFlow 2.21 registers it, and the few that only the TensorFlow.js converter writes. */
export const ops = {
  ...arrayOps,
  ...audioOps,
  ...controlOps,
  ...dataOps,
  ...imageOps,
  ...mathOps,
  ...nnOps,
  ...quantizedOps,
  ...randomOps,
  ...sparseOps,
  ...stateOps,
} as const;

export type OpName = keyof typeof ops;
