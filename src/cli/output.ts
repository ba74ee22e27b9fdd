import type { JsonOption } from './options.ts';

/** One result as JSON on stdout, or as text for people. */
export function print(result: unknown, { json }: JsonOption, text: () => string): void {
  console.log(json ? JSON.stringify(result, jsonValue, 2) : text());
}

/** JSON has no infinity and no bigint. */
const jsonValue = (_key: string, value: unknown): unknown => {
  if (typeof value === 'bigint') return Number(value);
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
};

export const counted = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;

/** How many samples were passed over, with the first of them; empty where all could be read. */
export const skippedText = (skipped: readonly { readonly file: string; readonly reason: string }[]): string =>
  skipped.length === 0
    ? ''
    : `${counted(skipped.length, 'sample')} could not be read (${skipped[0]!.file}: ${skipped[0]!.reason})`;
