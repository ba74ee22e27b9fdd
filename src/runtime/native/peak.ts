import { assembler, ecx, type Feature, r32, rdi, vmm } from '../../asm/x64/index.ts';
import type { Isa } from '../../kernels/native-kernel.ts';
import type { Host } from './host/host.ts';

/** Multiply-adds a second of one core, in billions: what no kernel can exceed. */
export type Peak = { readonly int8: number; readonly float32: number };

type Loop = { readonly bits: 256 | 512; readonly int8: 'vpdpbusd' | 'vpmaddwd'; readonly features: readonly Feature[] };

/** vpmaddwd takes 16-bit operands: the exact way without VNNI. */
const loops: Readonly<Record<Isa, Loop>> = {
  avx512_vnni: { bits: 512, int8: 'vpdpbusd', features: ['avx512bw', 'avx512vl', 'avx512_vnni', 'fma'] },
  avx_vnni: { bits: 256, int8: 'vpdpbusd', features: ['avx2', 'avx_vnni', 'fma'] },
  avx2: { bits: 256, int8: 'vpmaddwd', features: ['avx2', 'fma'] },
};
const macsOf32Bits = { vpdpbusd: 4, vpmaddwd: 2, vfmadd231ps: 1 } as const;

/** Enough independent instructions to hide the latency of each (two a cycle, five cycles). */
const accumulators = 12;
const iterations = 20_000;
const samples = 24;

/**
 * Measures the processor's limit on this thread, now: loops of nothing but independent multiply-adds on registers. The best
 * of several samples of about 0.1 ms, since interruptions only ever make one slower.
 */
export function measurePeak(host: Host, isa: Isa): Peak {
  const { int8 } = loops[isa];
  return { int8: measure(host, isa, int8), float32: measure(host, isa, 'vfmadd231ps') };
}

function measure(host: Host, isa: Isa, instruction: keyof typeof macsOf32Bits): number {
  const { bits, features } = loops[isa];
  const asm = assembler({ features });
  const v = vmm(bits);
  for (let i = 0; i < accumulators + 2; i++) asm.vpxor(vmm(256)(i), vmm(256)(i), vmm(256)(i));
  const top = asm.label('top');
  asm.mov(ecx, r32(rdi));
  asm.bind(top);
  for (let i = 0; i < accumulators; i++) asm[instruction](v(i), v(accumulators), v(accumulators + 1));
  asm.dec(ecx);
  asm.jnz(top);
  asm.vzeroupper();
  asm.ret();
  using block = host.code(asm.finish());
  const call = block.bind('void(ctx)');
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < samples; i++) {
    const begin = performance.now();
    call(iterations);
    best = Math.min(best, performance.now() - begin);
  }
  const macs = iterations * accumulators * (bits / 32) * macsOf32Bits[instruction];
  return macs / best / 1e6;
}
