import type { Range } from '../ranges.ts';
import type { Site } from '../sites.ts';
import type { Distribution } from './distribution.ts';
import { entropyLimit } from './entropy.ts';
import { type Magnitudes, magnitudesOf, negativesOf, percentileOf, relative } from './magnitudes.ts';
import { leastSquaresLimit } from './squared-error.ts';

/** Chooses what range to represent, from what a tensor's values are like and the codes they will have. */
export type ChooseRange = (seen: Distribution, form: Site['form']) => Range;

/** The largest magnitude to represent, of values on one side of zero (or of both, folded), in so many steps. */
type ChooseLimit = (magnitudes: Magnitudes, largest: number, steps: number) => number;

/** A method that chooses a limit: of codes that span the range (MIN_FIRST), one on each side of zero. */
const byLimit =
  (choose: ChooseLimit): ChooseRange =>
  (seen, form) => {
    const { min, max } = seen;
    if (form === 'signed') {
      const limit = choose(magnitudesOf(seen, form), Math.max(-min, max), 127);
      return { min: Math.max(min, -limit), max: Math.min(max, limit) };
    }
    const high = max > 0 ? Math.min(max, choose(magnitudesOf(seen, form), max, 255)) : max;
    if (form === 'unsigned' || min >= 0) return { min, max: high };
    return { min: Math.max(min, -choose(negativesOf(seen), -min, 255)), max: high };
  };

/** Codes that span the range lose as many elements at each end. */
const percentile =
  (percent: number): ChooseRange =>
  (seen, form) => {
    const share = form === 'shifted' ? (1 + percent / 100) / 2 : percent / 100;
    return byLimit((magnitudes) => percentileOf(magnitudes, share))(seen, form);
  };

/** The methods of calibration, by the name that `--method` takes. */
const methods = {
  /** The smallest and largest element there was: nothing saturates. */
  minmax: ({ min, max }) => ({ min, max }),
  /** The mean over the runs of each run's smallest and largest element. */
  average: ({ runs, minSum, maxSum }) => ({ min: minSum / runs, max: maxSum / runs }),
  /** The range that so many percent of the elements (not of the runs' extremes) lie in. */
  'p99.9': percentile(99.9),
  'p99.99': percentile(99.99),
  'p99.999': percentile(99.999),
  kl: byLimit(entropyLimit),
  /** The least squared error of rounding and saturating. */
  mse: byLimit(leastSquaresLimit),
  /** The same with each row's error in proportion to the row: what it makes a layer's answer for that row wrong by. */
  relative: (seen, form) => byLimit(leastSquaresLimit)(relative(seen), form),
} as const satisfies Readonly<Record<string, ChooseRange>>;

export type Method = keyof typeof methods;
export const methodNames = Object.keys(methods) as Method[];

/** The methods, and the one that chooses among them by what each does to the layers behind a value. */
export type AnyMethod = Method | 'auto';
export const anyMethodNames: readonly AnyMethod[] = [...methodNames, 'auto'];

/** The range of a tensor by `method`; {0, 0} of one that no run had an element of. */
export const chooseRange = (method: Method, seen: Distribution, form: Site['form']): Range =>
  seen.runs === 0 ? { min: 0, max: 0 } : methods[method](seen, form);
