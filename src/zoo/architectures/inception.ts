import type { Model } from '../../graph/model.ts';
import { counter, type Layers, type NetworkOptions, network, type Signal } from './layers.ts';

/** Inception-v3 (https://arxiv.org/abs/1512.00567) as keras.applications builds it: batch norms without γ, no biases. */
type Step =
  | {
      readonly conv: number;
      readonly kernel: readonly [number, number];
      readonly stride: number;
      readonly valid: boolean;
    }
  | { readonly pool: 'AvgPool' | 'MaxPool' }
  /** Branches that begin here; their outputs side by side. */
  | { readonly fork: readonly (readonly Step[])[] };

const c = (conv: number, h = 1, w = h): Step => ({ conv, kernel: [h, w], stride: 1, valid: false });
const valid = (conv: number, side: number, stride = 1): Step => ({ conv, kernel: [side, side], stride, valid: true });
/** 3 × 3 with stride 1; 3 × 3 with stride 2 without padding. */
const avg: Step = { pool: 'AvgPool' };
const max: Step = { pool: 'MaxPool' };
const cross: Step = { fork: [[c(384, 1, 3)], [c(384, 3, 1)]] };

/** One row a branch: its steps, in Keras's order. */
type Branches = readonly (readonly Step[])[];
const a = (pooled: number): Branches => [[c(64)], [c(48), c(64, 5)], [c(64), c(96, 3), c(96, 3)], [avg, c(pooled)]];
const b = (n: number): Branches => [
  [c(192)],
  [c(n), c(n, 1, 7), c(192, 7, 1)],
  [c(n), c(n, 7, 1), c(n, 1, 7), c(n, 7, 1), c(192, 1, 7)],
  [avg, c(192)],
];
const e: Branches = [[c(320)], [c(384), cross], [c(448), c(384, 3), cross], [avg, c(192)]];
const reduceA: Branches = [[valid(384, 3, 2)], [c(64), c(96, 3), valid(96, 3, 2)], [max]];
const reduceB: Branches = [[c(192), valid(320, 3, 2)], [c(192), c(192, 1, 7), c(192, 7, 1), valid(192, 3, 2)], [max]];

const stem: readonly Step[] = [valid(32, 3, 2), valid(32, 3), c(64, 3), max, valid(80, 1), valid(192, 3), max];
const mixed: readonly Branches[] = [a(32), a(64), a(64), reduceA, b(128), b(160), b(160), b(192), reduceB, e, e];

export const inceptionV3 = ({ size = 299, classes = 1000, seed = 0 }: NetworkOptions = {}): Model =>
  network({ size, classes, seed }, (l, input, classes) => {
    const walk = walker(l);
    let x = walk.steps(input, stem, 'stem');
    for (const [i, branches] of mixed.entries()) x = walk.fork(x, branches, `mixed${i}`);
    return l.softmax(l.dense('predictions', l.globalMean('avg_pool', x), classes));
  });

function walker(l: Layers) {
  const convName = counter('conv2d');
  const normName = counter('batch_normalization');
  const reluName = counter('activation');
  const poolNames = { AvgPool: counter('average_pooling2d'), MaxPool: counter('max_pooling2d') };
  const step = (x: Signal, of: Step, name: string): Signal => {
    if ('fork' in of) return fork(x, of.fork, `${name}_cross`);
    if ('pool' in of) {
      const window =
        of.pool === 'AvgPool' ? ({ stride: 1, padding: 'SAME' } as const) : ({ stride: 2, padding: 'VALID' } as const);
      return l.pool(of.pool, poolNames[of.pool](), x, { kernel: [3, 3], ...window });
    }
    const window = { kernel: of.kernel, stride: of.stride, padding: of.valid ? 'VALID' : 'SAME' } as const;
    const y = l.conv(convName(), x, of.conv, window);
    return l.relu(`${reluName()}/Relu`, l.batchNorm(normName(), y, 1e-3, undefined));
  };
  const steps = (x: Signal, list: readonly Step[], name: string): Signal =>
    list.reduce((y, of) => step(y, of, name), x);
  const fork = (x: Signal, branches: Branches, name: string): Signal =>
    l.concat(
      name,
      branches.map((branch, i) => steps(x, branch, `${name}_${i}`)),
    );
  return { steps, fork };
}
