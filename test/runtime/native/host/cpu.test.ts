import { describe, expect, it } from 'vitest';
import { type CpuQueries, describeCpu, type Registers } from '../../../../src/runtime/native/host/cpu.ts';
import { selectIsa, supportedIsas } from '../../../../src/runtime/native/host/isa.ts';

const none: Registers = [0, 0, 0, 0];
type Leaves = readonly (readonly [leaf: number, subleaf: number, ...Registers])[];
const queries = (leaves: Leaves, xcr0: number): CpuQueries => ({
  cpuid: (leaf, subleaf) => {
    const found = leaves.find(([l, s]) => l === leaf && s === subleaf);
    return found === undefined ? none : [found[2], found[3], found[4], found[5]];
  },
  xcr0: () => xcr0,
});
const set = (...bits: number[]): number => bits.reduce((word, bit) => (word | (1 << bit)) >>> 0, 0);

const SSE_AVX = 0b111;
const AVX512_STATE = 0xe7;
const leaf1 = set(12, 19, 27, 28, 29);
/** "GenuineIntel" in ebx, edx, ecx. */
const intel: Leaves[number] = [0, 0, 0x16, 0x756e6547, 0x6c65746e, 0x49656e69];
/** An Ice Lake server: AVX-512 with VNNI, no AVX-VNNI; L1d 48 KiB, 12 ways, from leaf 4. */
const iceLake: Leaves = [
  intel,
  [1, 0, 0, 0, leaf1, 0],
  [4, 0, set(0, 5) | (1 << 14), (11 << 22) | 63, 63, 0],
  [7, 0, 1, set(5, 16, 17, 30, 31), set(1, 6, 11), 0],
];
/** Alder Lake: AVX-VNNI, no AVX-512. */
const alderLake: Leaves = [intel, [1, 0, 0, 0, leaf1, 0], [7, 0, 1, set(5), 0, 0], [7, 1, set(4), 0, 0, 0]];

describe('describeCpu', () => {
  it('reads features, vendor and caches', () => {
    const cpu = describeCpu(queries(iceLake, AVX512_STATE));
    expect(cpu.vendor).toBe('GenuineIntel');
    expect(cpu.brand).toBe('unknown processor');
    expect(cpu.caches).toEqual([{ level: 1, kind: 'data', bytes: 49152, lineBytes: 64, ways: 12, sharedBy: 2 }]);
    expect(supportedIsas(cpu.features)).toEqual(['avx512_vnni', 'avx2']);
    expect(cpu.features.has('avx512vbmi2')).toBe(true);
  });

  it('counts only what the operating system saves', () => {
    expect(supportedIsas(describeCpu(queries(iceLake, SSE_AVX)).features)).toEqual(['avx2']);
    expect([...describeCpu(queries(iceLake, 0b11)).features]).toEqual(['sse41']);
    expect(supportedIsas(describeCpu(queries(iceLake, SSE_AVX), true).features)).toEqual(['avx512_vnni', 'avx2']);
  });

  it('does not ask xgetbv where OSXSAVE is off', () => {
    const leaves: Leaves = [intel, [1, 0, 0, 0, set(12, 19, 28, 29), 0]];
    const throwing = { ...queries(leaves, 0), xcr0: () => expect.unreachable() };
    expect([...describeCpu(throwing).features]).toEqual(['sse41']);
  });

  it('finds AVX-VNNI in subleaf 1, and only where there is one', () => {
    expect(supportedIsas(describeCpu(queries(alderLake, SSE_AVX)).features)).toEqual(['avx_vnni', 'avx2']);
    const withoutSubleaf = alderLake.map((leaf): Leaves[number] =>
      leaf[0] === 7 && leaf[1] === 0 ? [7, 0, 0, set(5), 0, 0] : leaf,
    );
    expect(supportedIsas(describeCpu(queries(withoutSubleaf, SSE_AVX)).features)).toEqual(['avx2']);
  });
});

describe('selectIsa', () => {
  it('takes the best, or the one asked for', () => {
    expect(selectIsa(['avx512_vnni', 'avx2'], undefined)).toBe('avx512_vnni');
    expect(selectIsa(['avx512_vnni', 'avx2'], 'avx2')).toBe('avx2');
    expect(selectIsa([], undefined)).toBeUndefined();
  });

  it('refuses what the machine lacks or nobody knows', () => {
    expect(() => selectIsa(['avx512_vnni', 'avx2'], 'avx_vnni')).toThrow(
      /not usable on this machine.*use avx512_vnni, avx2/,
    );
    expect(() => selectIsa(['avx2'], 'neon')).toThrow(/'neon' is no instruction set/);
  });
});
