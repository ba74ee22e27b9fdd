import { describe, expect, it } from 'vitest';
import { type Assembler, assembler, type Feature } from '../../../src/asm/x64/index.ts';
import { convKernels } from '../../../src/kernels/conv/native/index.ts';
import { depthwiseKernels } from '../../../src/kernels/depthwise/native/index.ts';
import type { Isa } from '../../../src/kernels/native-kernel.ts';
import { disassemble, hasObjdump } from '../../asm/support/objdump.ts';
import { randomConv, randomDepthwise } from './random-conv.ts';

/** Without VBMI: Cascade Lake has AVX-512 VNNI but not that. */
const allowed: Readonly<Record<Isa, readonly Feature[]>> = {
  avx512_vnni: ['avx512f', 'avx512bw', 'avx512dq', 'avx512vl', 'avx512_vnni'],
  avx_vnni: ['avx2', 'fma', 'avx_vnni'],
  avx2: ['avx2', 'fma'],
};

// Emits only, so that every machine checks every instruction set.
describe.each([
  { family: 'conv', kernels: convKernels, random: randomConv },
  { family: 'depthwise', kernels: depthwiseKernels, random: randomDepthwise },
])('$family kernels', ({ kernels, random }) => {
  it.each(kernels)("$name emits nothing beyond its instruction set's features", (kernel) => {
    for (let seed = 1; seed <= 120; seed++) {
      const { spec } = random(seed);
      if (kernel.whyNot(spec) !== undefined) continue;
      const asm = assembler({ features: allowed[kernel.isa] });
      kernel.step(spec, 0).emit(asm);
      expect(asm.finish().length).toBeGreaterThan(0);
    }
  });

  it.each(kernels)('$name says the same each time it is asked', (kernel) => {
    const { spec } = random(2);
    const bytes = (): Uint8Array => {
      const asm = assembler();
      kernel.step(spec, 64).emit(asm);
      return asm.finish();
    };
    expect(bytes()).toEqual(bytes());
    expect(kernel.pack(spec)).toEqual(kernel.pack(spec));
  });
});

describe.skipIf(!hasObjdump())('avx_vnni kernels', () => {
  /** What a disassembler reads, without where jumps lead: lengths differ. */
  const texts = (emit: (asm: Assembler) => void, features: readonly Feature[]): readonly string[] => {
    const asm = assembler({ features });
    emit(asm);
    return [...disassemble(asm.finish()).values()].map((text) =>
      text
        .replace('{vex} ', '')
        .replace(/^(j\w+|call)\s.*/, '$1')
        .replace(/\s+$/, ''),
    );
  };

  // Processors with AVX-512 VNNI run these kernels in the contract suites with vpdpbusd in its EVEX encoding; the VEX one
  // that processors with AVX-VNNI get must read the same.
  it.each([
    { family: 'conv', kernels: convKernels, random: randomConv },
    { family: 'depthwise', kernels: depthwiseKernels, random: randomDepthwise },
  ])('$family: in VEX encoding they are the instructions that were run in EVEX', ({ kernels, random }) => {
    let compared = 0;
    for (const kernel of kernels.filter(({ isa }) => isa === 'avx_vnni'))
      for (let seed = 1; seed <= 30; seed++) {
        const { spec } = random(seed);
        if (kernel.whyNot(spec) !== undefined) continue;
        const emit = (asm: Assembler): void => kernel.step(spec, 0).emit(asm);
        const vex = texts(emit, allowed.avx_vnni);
        expect(vex).toEqual(texts(emit, ['avx2', 'fma', 'avx512vl', 'avx512_vnni']));
        expect(vex.filter((text) => text.startsWith('(bad)'))).toEqual([]);
        compared += vex.filter((text) => text.startsWith('vpdpbusd')).length;
      }
    expect(compared).toBeGreaterThan(0);
  });
});
