import type { Observations } from './observe.ts';
import { chooseRange, type Method } from './observers/methods.ts';
import type { QuantizeOptions } from './options.ts';
import type { Ranges } from './ranges.ts';
import type { Site } from './sites.ts';

/** The ranges of `sites` by `method` (or their own of `methods`), from what has been seen. */
export const chooseRanges = (
  seen: Observations,
  sites: readonly Site[],
  method: Method,
  methods?: QuantizeOptions['methods'],
): Ranges => ({
  method,
  samples: seen.samples,
  ranges: new Map(
    sites.flatMap(({ key, form }) => {
      const distribution = seen.values.get(key);
      return distribution === undefined
        ? []
        : [[key, chooseRange(methods?.get(key) ?? method, distribution, form)] as const];
    }),
  ),
});
