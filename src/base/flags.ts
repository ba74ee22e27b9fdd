import { UserError } from './errors.ts';

/** Every environment variable octet reads, declared once; the documentation's list is made from this table. */
export const flags = {
  OCTET_DEBUG: 'what to print on stderr: 1 stages and times, 2 kernels and GMAC/s, 3 rule hits, 4 disassembly',
  OCTET_BACKEND: "the backend that 'auto' means: native or reference",
  OCTET_ISA: 'the instruction set of generated code: avx512_vnni, avx_vnni or avx2; downwards only',
  OCTET_THREADS: 'how many threads a session uses by default',
  OCTET_SEED: 'the seed of random tests and of `--data random`',
} as const;

export type Flag = keyof typeof flags;

const environment = (): Readonly<Record<string, string | undefined>> =>
  typeof process === 'undefined' ? {} : process.env;

/** The flag's text, or undefined where it is unset or empty. */
export const flag = (name: Flag): string | undefined => environment()[name] || undefined;

/** The flag as a whole number, or `fallback`. Throws `UserError` on anything else. */
export function numberFlag(name: Flag, fallback: number): number {
  const text = flag(name);
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!Number.isInteger(value))
    throw new UserError(`${name} is '${text}'`, {}, `set it to a whole number: ${flags[name]}`);
  return value;
}

/** Prints `message()` on stderr when OCTET_DEBUG is at least `level`. */
export function debug(level: 1 | 2 | 3 | 4, message: () => string): void {
  if (numberFlag('OCTET_DEBUG', 0) >= level) console.error(`octet: ${message()}`);
}
