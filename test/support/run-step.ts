import { assembler, type Feature, ptr, qword, r12, r13, rax, rbx, rdi, rdx, rsi } from '../../src/asm/x64/index.ts';
import type { Isa, Step } from '../../src/kernels/native-kernel.ts';
import type { Arena, ArenaOptions } from '../../src/runtime/native/host/arena.ts';
import type { CodeBlock } from '../../src/runtime/native/host/code.ts';
import type { Host } from '../../src/runtime/native/host/host.ts';

/** Where the driver's arguments stand in its block of 64-bit words. */
const words = { arena: 0, constants: 8, begin: 16, end: 24 } as const;

/**
 * What code for an ISA may use. A machine that has AVX-512 VNNI but no AVX-VNNI runs the latter's kernels too, with
 * vpdpbusd in its EVEX encoding instead of the VEX one.
 */
export function featuresFor(isa: Isa, host: Host): readonly Feature[] | undefined {
  if (host.isas.includes(isa)) return { avx512_vnni, avx_vnni, avx2 }[isa];
  return isa === 'avx_vnni' && host.isas.includes('avx512_vnni') ? [...avx2, 'avx512vl', 'avx512_vnni'] : undefined;
}
const avx2: readonly Feature[] = ['avx2', 'fma', 'f16c', 'popcnt', 'bmi1', 'bmi2'];
const avx_vnni: readonly Feature[] = [...avx2, 'avx_vnni'];
const avx512_vnni: readonly Feature[] = [...avx2, 'avx512f', 'avx512bw', 'avx512dq', 'avx512vl', 'avx512_vnni'];

export type RunnableStep = Disposable & {
  readonly code: CodeBlock;
  /** Address of the driver, `void f(block)`, for the ABI probe; `block` holds its arguments. */
  readonly block: Arena;
  /** Runs tiles [begin, end), all of them unless given. */
  run(begin?: number, end?: number): void;
};

/** A step's code behind a loop over its tiles. */
export function runnable(host: Host, step: Step, isa: Isa, arena: number, constants: number): RunnableStep {
  const features = featuresFor(isa, host);
  if (features === undefined) throw new Error(`this machine has no ${isa}`);
  const asm = assembler({ features });
  const body = asm.label('step');
  const [loop, done] = [asm.label('loop'), asm.label('done')];
  for (const register of [rbx, r12, r13]) asm.push(register);
  asm.mov(rbx, rdi);
  asm.mov(r12, qword(rbx, words.begin));
  asm.mov(r13, qword(rbx, words.end));
  asm.bind(loop);
  asm.cmp(r12, r13);
  asm.jae(done);
  asm.mov(rdi, ptr(rbx, words.arena));
  asm.mov(rsi, ptr(rbx, words.constants));
  asm.mov(rdx, r12);
  asm.call(body);
  asm.inc(r12);
  asm.jmp(loop);
  asm.bind(done);
  for (const register of [r13, r12, rbx]) asm.pop(register);
  asm.mov(rax, 0);
  asm.ret();
  asm.align(64);
  asm.bind(body);
  step.emit(asm);
  const code = host.code(asm.finish());
  const block = host.arena(32);
  const call = code.bind('void(ctx)');
  const view = block.view(BigInt64Array);
  return {
    code,
    block,
    run: (begin = 0, end = step.tiles) => {
      view.set([BigInt(arena), BigInt(constants), BigInt(begin), BigInt(end)]);
      call(block.address);
    },
    [Symbol.dispose]: () => {
      code.release();
      block.release();
    },
  };
}

/** A copy of `bytes` in native memory, after a guard page ('start') or before one ('end'). */
export function placed(host: Host, bytes: Uint8Array, place: ArenaOptions['place'] = 'start'): Arena {
  const arena = host.arena(Math.max(bytes.length, 1), { place, huge: false });
  arena.view(Uint8Array).set(bytes);
  return arena;
}
