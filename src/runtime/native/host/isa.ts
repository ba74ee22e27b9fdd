import { flag } from '../../../base/flags.ts';
import { WrongOption } from '../../options.ts';
import type { CpuFeature } from './cpu.ts';

/**
 * The instruction sets that kernels are written for, best first, and what each needs. VBMI is not part of avx512_vnni
 * (Cascade Lake has VNNI without it): a kernel that wants vpermb asks `cpu.features`.
 */
const requirements = {
  avx512_vnni: ['avx2', 'fma', 'f16c', 'avx512f', 'avx512bw', 'avx512vl', 'avx512dq', 'avx512vnni'],
  avx_vnni: ['avx2', 'fma', 'f16c', 'avx_vnni'],
  avx2: ['avx2', 'fma', 'f16c'],
} as const satisfies Record<string, readonly CpuFeature[]>;

export type Isa = keyof typeof requirements;

/** All of them, best first. */
export const isas = Object.keys(requirements) as readonly Isa[];

/** The ISAs a processor with these features can run, best first; empty before Haswell and Zen. */
export const supportedIsas = (features: ReadonlySet<CpuFeature>): readonly Isa[] =>
  isas.filter((isa) => requirements[isa].every((feature) => features.has(feature)));

/**
 * The ISA to generate code for: the best supported, or `requested` (default: the flag OCTET_ISA), or undefined where none
 * is supported. Throws `WrongOption` when the request is unknown or the machine lacks it.
 */
export function selectIsa(
  supported: readonly Isa[],
  requested: string | undefined = flag('OCTET_ISA'),
): Isa | undefined {
  if (requested === undefined) return supported[0];
  const chosen = isas.find((isa) => isa === requested);
  if (chosen !== undefined && supported.includes(chosen)) return chosen;
  const problem = chosen === undefined ? 'is no instruction set that octet knows' : 'is not usable on this machine';
  const choices = supported.length === 0 ? 'the reference backend (this machine has none)' : supported.join(', ');
  throw new WrongOption(`'${requested}' ${problem}`, {}, `use ${choices}, or leave OCTET_ISA unset`);
}
