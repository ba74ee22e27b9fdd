import {
  assembler,
  dword,
  ptr,
  qword,
  type R64,
  r8q,
  r9,
  r10,
  r11,
  r12,
  r13,
  r14,
  r15,
  rax,
  rbp,
  rbx,
  rcx,
  rdi,
  rdx,
  rsi,
  rsp,
  xmm,
  ymm,
  zmm,
} from '../../src/asm/x64/index.ts';
import type { Host } from '../../src/runtime/native/host/host.ts';

/**
 * Calls generated code through a stub that fills every register the System V ABI (x86-64 psABI 1.0, 3.2.1) lets the callee
 * count on or forbids it to change, and looks at them afterwards:
 * - rbx, rbp, r12 to r15, rsp and the caller's stack frame are unchanged;
 * - MXCSR's control bits (rounding, masks, denormals) are unchanged; its status flags may change;
 * - the upper parts of zmm0 to zmm15 are zero, that is, code that used them ended with vzeroupper. The psABI leaves that open,
 *   but without it every SSE instruction of Node itself becomes slow on Intel before Skylake and Xeon Phi, and Windows and
 *   compilers count on it. zmm16 to zmm31 and the mask registers have no such cost and are not looked at.
 * At entry rax, rcx, rdx and r8 to r10 hold garbage and xmm0 to xmm15 are all ones, so code that counts on zeros fails.
 */
export type AbiProbe = Disposable & {
  /** Calls `target(ctx, arg)`: its result in rax, and what it broke in words; an empty list is a pass. */
  run(target: number, ctx?: number, arg?: number): { readonly result: bigint; readonly violations: readonly string[] };
};

const preserved = [
  ['rbx', rbx],
  ['rbp', rbp],
  ['r12', r12],
  ['r13', r13],
  ['r14', r14],
  ['r15', r15],
] as const;
const garbage: readonly R64[] = [rax, rcx, rdx, r8q, r9, r10];
const sentinel = (index: number): bigint => 0x5afe_0000_1234_5678n + BigInt(index) * 0x0000_1111_0000_0000n;
const GARBAGE = 0x0bad_f00d_dead_beefn;
const CANARIES = 16;
const VECTORS = 16;
const MXCSR_CONTROL = 0xffc0;

/** Byte offsets in the block that the stub and JavaScript share. */
const at = {
  target: 0,
  ctx: 8,
  arg: 16,
  result: 24,
  rspBefore: 32,
  rspAfter: 40,
  mxcsrBefore: 48,
  mxcsrAfter: 52,
  preserved: 64,
  canaries: 128,
  vectors: 512,
  end: 512 + VECTORS * 64,
} as const;

/** `void f()`: the block's address is part of the code, since no register can be trusted after the call. */
function probeCode(block: number, vectorBytes: 32 | 64): Uint8Array {
  const a = assembler();
  const frame = CANARIES * 8 + 8; // six pushes and the return address: 8 more keep rsp a multiple of 16
  for (const [, register] of preserved) a.push(register);
  a.sub(rsp, frame);
  a.mov(r11, BigInt(block));
  a.stmxcsr(dword(r11, at.mxcsrBefore));
  a.mov(qword(r11, at.rspBefore), rsp);
  for (let i = 0; i < CANARIES; i++) {
    a.mov(rax, sentinel(100 + i));
    a.mov(qword(rsp, 8 * i), rax);
  }
  preserved.forEach(([, register], i) => {
    a.mov(register, sentinel(i));
  });
  a.vzeroupper();
  for (let i = 0; i < VECTORS; i++) a.vpcmpeqd(xmm(i), xmm(i), xmm(i));
  a.mov(rdi, qword(r11, at.ctx));
  a.mov(rsi, qword(r11, at.arg));
  a.mov(r11, qword(r11, at.target));
  for (const register of garbage) a.mov(register, GARBAGE);
  a.call(r11);

  a.mov(r11, BigInt(block));
  a.mov(qword(r11, at.result), rax);
  a.mov(qword(r11, at.rspAfter), rsp);
  a.mov(rsp, qword(r11, at.rspBefore));
  a.stmxcsr(dword(r11, at.mxcsrAfter));
  preserved.forEach(([, register], i) => {
    a.mov(qword(r11, at.preserved + 8 * i), register);
  });
  for (let i = 0; i < CANARIES; i++) {
    a.mov(rax, qword(rsp, 8 * i));
    a.mov(qword(r11, at.canaries + 8 * i), rax);
  }
  for (let i = 0; i < VECTORS; i++) {
    const slot = ptr(r11, at.vectors + 64 * i);
    if (vectorBytes === 64) a.vmovups(slot, zmm(i));
    else a.vmovups(slot, ymm(i));
  }
  a.vzeroupper();
  a.ldmxcsr(dword(r11, at.mxcsrBefore));
  a.add(rsp, frame);
  for (const [, register] of preserved.toReversed()) a.pop(register);
  a.ret();
  return a.finish();
}

function violations(block: DataView, vectorBytes: 32 | 64): string[] {
  const u64 = (offset: number): bigint => block.getBigUint64(offset, true);
  const found: string[] = [];
  const expectEqual = (what: string, actual: bigint, expected: bigint): void => {
    if (actual !== expected) found.push(`${what} is 0x${actual.toString(16)}, was 0x${expected.toString(16)}`);
  };
  preserved.forEach(([name], i) => {
    expectEqual(name, u64(at.preserved + 8 * i), sentinel(i));
  });
  expectEqual('rsp', u64(at.rspAfter), u64(at.rspBefore));
  for (let i = 0; i < CANARIES; i++)
    expectEqual(`the caller's stack at rsp+${8 * i}`, u64(at.canaries + 8 * i), sentinel(100 + i));
  const control = (offset: number): bigint => BigInt(block.getUint32(offset, true) & MXCSR_CONTROL);
  expectEqual("MXCSR's control", control(at.mxcsrAfter), control(at.mxcsrBefore));
  for (let i = 0; i < VECTORS; i++) {
    const upper = Array.from({ length: (vectorBytes - 16) / 8 }, (_, q) => u64(at.vectors + 64 * i + 16 + 8 * q));
    if (upper.some((quad) => quad !== 0n))
      found.push(`the upper part of ${vectorBytes === 64 ? 'z' : 'y'}mm${i} is not 0`);
  }
  return found;
}

/** A probe on this host; release it after use. */
export function abiProbe(host: Host): AbiProbe {
  const vectorBytes = host.cpu.features.has('avx512f') ? 64 : 32;
  const arena = host.arena(at.end);
  const code = host.code(probeCode(arena.address, vectorBytes));
  const call = code.bind('void()');
  const block = new DataView(arena.buffer);
  return {
    run: (target, ctx = 0, arg = 0) => {
      block.setBigUint64(at.target, BigInt(target), true);
      block.setBigInt64(at.ctx, BigInt(ctx), true);
      block.setBigInt64(at.arg, BigInt(arg), true);
      call();
      return { result: block.getBigInt64(at.result, true), violations: violations(block, vectorBytes) };
    },
    [Symbol.dispose]: () => {
      code.release();
      arena.release();
    },
  };
}
