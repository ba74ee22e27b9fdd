import { type Assembler, assembler, dword, eax, ebx, ecx, edx, rbx, rdi } from '../../../asm/x64/index.ts';

/** The few functions the host needs before there is a compiler. */

const assemble = (write: (a: Assembler) => void): Uint8Array => {
  const a = assembler();
  write(a);
  a.ret();
  return a.finish();
};

export const PROBE_RESULT = 0xc7e7;
/** `i64 f()` gives PROBE_RESULT: proves that generated code can run in this process. */
export const probeStub = (): Uint8Array => assemble((a) => a.mov(eax, PROBE_RESULT));

/** `void f(uint32 r[4])`: r[0] = leaf, r[1] = subleaf; overwritten with eax, ebx, ecx, edx. */
export const cpuidStub = (): Uint8Array =>
  assemble((a) => {
    a.push(rbx);
    a.mov(eax, dword(rdi));
    a.mov(ecx, dword(rdi, 4));
    a.cpuid();
    [eax, ebx, ecx, edx].forEach((register, i) => {
      a.mov(dword(rdi, 4 * i), register);
    });
    a.pop(rbx);
  });

/** `void f(uint32 r[2])`: the extended control register XCR0, low half first. */
export const xgetbvStub = (): Uint8Array =>
  assemble((a) => {
    a.xor(ecx, ecx);
    a.xgetbv();
    a.mov(dword(rdi), eax);
    a.mov(dword(rdi, 4), edx);
  });

const XMM_SAVED = [6, 7, 8, 9, 10, 11, 12, 13, 14, 15] as const;
/** Ten registers of 16 bytes, plus 8 so that rsp is a multiple of 16 at the call. */
const WIN64_FRAME = [16 * XMM_SAVED.length + 8, 0, 0, 0];

/** movaps [rsp+disp32], xmm (0x29) or movaps xmm, [rsp+disp32] (0x28). */
const movaps = (opcode: 0x28 | 0x29) =>
  XMM_SAVED.flatMap((xmm, slot) => [
    ...(xmm >= 8 ? [0x44] : []), // REX.R
    ...[0x0f, opcode, 0x84 | ((xmm & 7) << 3), 0x24],
    ...[16 * slot, 0, 0, 0],
  ]);

/**
 * int64 f(ctx, arg, target), called in the Windows convention: calls `target(ctx, arg)` in System V. Windows wants rdi, rsi
 * and xmm6 to xmm15 kept, System V does not. Windows has no red zone: generated code must not write below rsp.
 * As bytes because it runs before the processor is known, and the assembler has no SSE forms.
 */
export const win64Thunk = Uint8Array.of(
  ...[0x57, 0x56], // push rdi; push rsi
  ...[0x48, 0x81, 0xec, ...WIN64_FRAME], // sub rsp, 168
  ...movaps(0x29),
  ...[0x48, 0x89, 0xcf], // mov rdi, rcx
  ...[0x48, 0x89, 0xd6], // mov rsi, rdx
  ...[0x41, 0xff, 0xd0], // call r8
  ...movaps(0x28),
  ...[0x48, 0x81, 0xc4, ...WIN64_FRAME], // add rsp, 168
  ...[0x5e, 0x5f, 0xc3], // pop rsi; pop rdi; ret
);
