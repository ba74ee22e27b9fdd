import type { Feature } from './notation.ts';

/** What a processor with a feature always has as well. */
const IMPLIED: Partial<Record<Feature, readonly Feature[]>> = {
  avx2: ['avx'],
  fma: ['avx'],
  f16c: ['avx'],
  avx_vnni: ['avx2'],
  avx512f: ['avx2', 'fma', 'f16c'],
  avx512bw: ['avx512f'],
  avx512dq: ['avx512f'],
  avx512vl: ['avx512f'],
  avx512_vnni: ['avx512f'],
  avx512vbmi: ['avx512bw'],
};

/** The features and all that they imply: `avx512_vnni` brings `avx512f`, `avx2`, `avx` and so on. */
export function withImplied(features: Iterable<Feature>): ReadonlySet<Feature> {
  const all = new Set<Feature>(['base', ...features]);
  // A set also visits what is added while it is walked.
  for (const feature of all) for (const implied of IMPLIED[feature] ?? []) all.add(implied);
  return all;
}
