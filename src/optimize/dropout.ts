import { any, commutative, op } from '../graph/pattern.ts';
import { rule } from '../graph/rewrite.ts';
import { rulePass } from './pass.ts';

/** Uniform noise, also as tf.random.uniform scales it to [low, high). */
const random = op('RandomUniform', any('shape'));
const noise = [
  random,
  commutative(['Add', 'AddV2'], commutative('Mul', random, any('range')), any('low')),
  commutative('Mul', random, any('range')),
] as const;

/** x·(1/keep) or x/keep: what is left of x, so that its mean stays. */
const scaled = [op(['RealDiv', 'Div'], any('x'), any('keep')), commutative('Mul', any('x'), any('keep'))] as const;

/**
 * Dropout  ⇒  x, which is what dropout is in inference.
 *
 * As TF1 has it, (x / keep) · ⌊keep + random⌋; as TF2 has it, (x · 1/keep) · Cast(random ≥ rate) and
 * Select(random ≥ rate, x · 1/keep, 0). Needs: nobody else reads the noise. Exact where keep is 1; else it is dropout of
 * training left in the graph, and what comes out is its mean.
 */
const rules = scaled.flatMap((x) =>
  noise.flatMap((u) => {
    const kept = op('GreaterEqual', u, any('rate'));
    const floor = op('Floor', commutative(['Add', 'AddV2'], u, any('p')));
    return [
      rule('strip-dropout', commutative('Mul', x, floor), ({ x: value }) => value),
      rule('strip-dropout', commutative('Mul', x, op('Cast', kept)), ({ x: value }) => value),
      rule('strip-dropout', op(['Select', 'SelectV2'], kept, x, any('zero')), ({ x: value }) => value),
    ];
  }),
);

export const stripDropout = rulePass('strip-dropout', rules);
