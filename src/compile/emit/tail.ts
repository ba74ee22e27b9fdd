import type { Region } from '../check.ts';
import type { Stage } from '../program.ts';
import type { ImageRecords } from './driver.ts';

/**
 * The last stages of a program, which read more weights than activations. A thread that computes images of a batch takes
 * several of them through each tile of these stages, so that it reads the weights once for all.
 */
export type Tail = {
  /** The first of these stages. */
  readonly from: number;
  /** What they read of what was there or written before. */
  readonly live: readonly Region[];
};

/** Where the suffix of stages begins that has most weights beyond its activations, counted in bytes; the end if none has. */
export function tailOf(stages: readonly Stage[], records: ImageRecords): Tail {
  let from = stages.length;
  let sum = 0;
  let most = 0;
  for (const [i, stage] of [...stages.entries()].reverse()) {
    const weights = weightsOf(stage);
    sum += weights - (stage.bytes - weights);
    if (sum > most) [from, most] = [i, sum];
  }
  return { from, live: liveAt(stages, from, records) };
}

const weightsOf = ({ steps }: Stage): number => {
  const ranges = steps.flatMap(({ accesses }) => accesses.filter(({ base }) => base === 'constants'));
  return ranges.reduce((bytes, { begin, end }) => bytes + end - begin, 0);
};

const isOfArena = ({ base }: Region): boolean => base === 'arena';

/** Values that share memory share its `Region`; those that lie there at other times have others (storage.ts). */
function liveAt(stages: readonly Stage[], from: number, { outputs }: ImageRecords): readonly Region[] {
  const of = (which: 'reads' | 'writes', some: readonly Stage[]): Region[] =>
    some.flatMap(({ allowed }) => allowed.flatMap((own) => own[which])).filter(isOfArena);
  const [head, tail] = [stages.slice(0, from), stages.slice(from)];
  const [before, within] = [new Set(of('writes', head)), new Set(of('writes', tail))];
  // What no stage writes is an input.
  const read = of('reads', tail).filter((region) => before.has(region) || !within.has(region));
  const left = outputs.fields.flatMap(({ arena, bytes }) => {
    // Nothing else is written there after an output.
    const of = [...before, ...within].findLast(({ begin, end }) => begin <= arena && arena + bytes <= end);
    if (of === undefined) return [{ base: 'arena' as const, begin: arena, end: arena + bytes }];
    return before.has(of) ? [of] : [];
  });
  return [...new Set([...read, ...left])];
}
