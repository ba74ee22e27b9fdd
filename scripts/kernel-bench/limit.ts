import { assembler, ecx, r32, rdi, vmm } from '../../src/asm/x64/index.ts';
import type { Isa } from '../../src/kernels/native-kernel.ts';
import type { Host } from '../../src/runtime/native/host/host.ts';
import { featuresFor } from '../../test/support/run-step.ts';

/** Multiply-adds of one instruction; vpmaddwd does half of vpdpbusd's. */
const macsOf: Readonly<Record<Isa, number>> = { avx512_vnni: 64, avx_vnni: 32, avx2: 16 };
const LOOPS = 20_000;
const UNROLL = 12;

const known = new Map<Isa, (count: number) => void>();

function loop(host: Host, isa: Isa): (count: number) => void {
  const asm = assembler({ features: featuresFor(isa, host) ?? [] });
  const v = vmm(isa === 'avx512_vnni' ? 512 : 256);
  for (let i = 0; i < 16; i++) asm.vpxor(v(i).n < 16 ? vmm(256)(i) : v(i), vmm(256)(i), vmm(256)(i));
  const top = asm.label();
  asm.mov(ecx, r32(rdi));
  asm.bind(top);
  for (let i = 0; i < UNROLL; i++)
    if (isa === 'avx2') asm.vpmaddwd(v(i), v(14), v(15));
    else asm.vpdpbusd(v(i), v(14), v(15));
  asm.dec(ecx);
  asm.jnz(top);
  asm.vzeroupper();
  asm.ret();
  return host.code(asm.finish()).bind('void(ctx)');
}

/** GMAC/s of this core now: the best of a few short loops of independent dot products. */
export function dotLimit(host: Host, isa: Isa): number {
  const call = known.get(isa) ?? loop(host, isa);
  known.set(isa, call);
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 8; i++) {
    const begin = performance.now();
    call(LOOPS);
    best = Math.min(best, performance.now() - begin);
  }
  return (LOOPS * UNROLL * macsOf[isa]) / best / 1e6;
}
