import type { Range } from './ranges.ts';

/** Collects what one tensor's values are like, run by run, in fixed memory, and says what range to represent. */
export type Observer = {
  /** Takes in the elements of one run. They are finite: calibration has checked that. */
  readonly observe: (values: Float32Array) => void;
  readonly range: () => Range;
};

/** The smallest and largest element of all runs. */
function minMax(): Observer {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  return {
    observe: (values) => {
      for (const x of values) {
        if (x < min) min = x;
        if (x > max) max = x;
      }
    },
    range: () => (min <= max ? { min, max } : { min: 0, max: 0 }),
  };
}

/** The methods of calibration, by the name that `--method` takes. */
export const observers = { minmax: minMax } as const satisfies Readonly<Record<string, () => Observer>>;
export type Method = keyof typeof observers;
