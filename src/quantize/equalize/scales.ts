import { activationRanges, type Group, weightRanges } from './groups.ts';
import { expectedNoise } from './noise.ts';

/**
 * How channels are scaled. `weights`: the ranges of what makes and what reads a channel become equal (cross-layer
 * equalization). `smooth`: those of its values and of what reads it (SmoothQuant, α = ½). `balanced`: as `smooth`, with the α
 * and the strength of least expected rounding error, a group of channels.
 */
export const equalizations = ['none', 'weights', 'smooth', 'balanced'] as const;
export type Equalization = (typeof equalizations)[number];

/** Equalizing one layer unbalances the next; it settles soon. */
const maxSweeps = 10;
/** No channel is scaled by more than this. */
const mostScaled = 64;

const alphas = [0, 0.25, 0.5, 0.75, 1] as const;
const strengths = [0.25, 0.5, 0.75, 1] as const;

/** What each of `count` classes is divided by; those of no group by 1. */
export function chooseScales(count: number, groups: readonly Group[], how: Equalization): Float64Array {
  const scales = new Float64Array(count).fill(1);
  if (how === 'none') return scales;
  for (let sweep = 0; sweep < maxSweeps; sweep++) {
    let most = 0;
    for (const group of groups) most = Math.max(most, equalizeGroup(group, scales, how));
    if (most < 0.01) break;
  }
  return scales;
}

/** Gives the largest change, as a logarithm. */
function equalizeGroup(group: Group, scales: Float64Array, how: Exclude<Equalization, 'none'>): number {
  const best = proposals[how](group, scales);
  let most = 0;
  for (const [i, c] of group.classes.entries()) {
    most = Math.max(most, Math.abs(Math.log(best[i]! / scales[c]!)));
    scales[c] = best[i]!;
  }
  return most;
}

/** What to divide the classes of a group by, given what those of the others are divided by. */
const proposals: Readonly<
  Record<Exclude<Equalization, 'none'>, (group: Group, scales: Float64Array) => ArrayLike<number>>
> = {
  weights: (group, scales) => {
    const { reads, makes } = weightRanges(group, scales);
    return propose(group, { made: makes, reads, alpha: 0.5, strength: 1 });
  },
  smooth: (group, scales) => {
    const { reads } = weightRanges(group, scales);
    return propose(group, { made: activationRanges(group), reads, alpha: 0.5, strength: 1 });
  },
  balanced: (group, scales) => {
    const made = activationRanges(group);
    const { reads } = weightRanges(group, scales);
    const noiseOf = (tried: ArrayLike<number>): number => {
      const all = Float64Array.from(scales);
      for (const [i, c] of group.classes.entries()) all[c] = tried[i]!;
      return expectedNoise(group, all);
    };
    let best: ArrayLike<number> = new Float64Array(group.classes.length).fill(1);
    let least = noiseOf(best);
    for (const alpha of alphas)
      for (const strength of strengths) {
        const tried = propose(group, { made, reads, alpha, strength });
        const noise = noiseOf(tried);
        if (noise < least) [best, least] = [tried, noise];
      }
    return best;
  },
};

type Proposal = {
  readonly made: ReadonlyMap<number, number>;
  readonly reads: ReadonlyMap<number, number>;
  readonly alpha: number;
  readonly strength: number;
};

/** Scales that leave the group's largest value as it is. */
function propose(group: Group, { made, reads, alpha, strength }: Proposal): Float64Array {
  const { classes } = group;
  const raw = classes.map((c) => equalizer(made.get(c) ?? 0, reads.get(c) ?? 0, alpha) ** strength);
  const seen = activationRanges(group);
  const largest = Math.max(...classes.map((c) => seen.get(c) ?? 0));
  const scaled = Math.max(...classes.map((c, i) => (seen.get(c) ?? 0) / raw[i]!));
  const factor = largest > 0 ? scaled / largest : 1;
  return Float64Array.from(raw, (s) => Math.max(1 / mostScaled, Math.min(mostScaled, s * factor)));
}

/**
 * made^α / read^(1 − α): what a channel is divided by, so that what is made in it and what reads it are as far from each
 * other's largest. With α = ½ and r₁, r₂ the ranges of weights, √(r₁ r₂) / r₂ of Nagel et al., Data-Free Quantization Through
 * Weight Equalization and Bias Correction (2019), equation 11; with the range of the channel's values in place of r₁,
 * equation 4 of Xiao et al., SmoothQuant (2022). 1 for channels that are dead or that nobody reads.
 */
export const equalizer = (made: number, read: number, alpha: number): number =>
  made > 0 && read > 0 ? made ** alpha / read ** (1 - alpha) : 1;
