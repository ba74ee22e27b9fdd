import {
  type Assembler,
  assembler,
  dword,
  eax,
  ebx,
  ecx,
  edx,
  ptr,
  qword,
  r8d,
  r8q,
  r9,
  rax,
  rbx,
  rcx,
  rdi,
  rdx,
  rsi,
  rsp,
} from '../../../asm/x64/index.ts';

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

/** Room for the four register arguments that a Windows function may spill; 8 bytes more align rsp for the call. */
const WIN64_SHADOW = 32;
const WIN64_CALL = WIN64_SHADOW + 8;

const emitCall = (a: Assembler, target: number): void => {
  a.mov(rax, BigInt(target));
  a.call(rax);
};

/** `void f()` in System V that calls a Windows function without arguments. */
export const win64CallStub = (target: number): Uint8Array =>
  assemble((a) => {
    a.sub(rsp, WIN64_CALL);
    emitCall(a, target);
    a.add(rsp, WIN64_CALL);
  });

/** `DWORD start(argument)`, called by Windows: runs the System V function `target(argument)` by way of the thunk. */
export const win64ThreadStub = (thunk: number, target: number): Uint8Array =>
  assemble((a) => {
    a.sub(rsp, WIN64_CALL);
    a.mov(r8q, BigInt(target));
    emitCall(a, thunk);
    a.add(rsp, WIN64_CALL);
  });

/** Addresses of the functions of synchapi.h (Windows 8 on) that do what a futex does. */
export type WaitFunctions = { readonly waitOnAddress: number; readonly wakeByAddressSingle: number };

/**
 * `syscall(number, address, operation, value, timeout)` in System V, for the two private futex operations of a crew: waits
 * while the 8 bytes at `address` are `value`, for at most `timeout`'s whole seconds; or wakes one thread that does.
 */
export function win64FutexStub(functions: WaitFunctions, waitOperation: number): Uint8Array {
  const compared = WIN64_SHADOW;
  const frame = WIN64_SHADOW + 24;
  return assemble((a) => {
    const [wake, end] = [a.label('wake'), a.label('end')];
    a.sub(rsp, frame);
    a.cmp(edx, waitOperation);
    a.jne(wake);
    a.mov(qword(rsp, compared), rcx);
    a.mov(rcx, rsi);
    a.lea(rdx, ptr(rsp, compared));
    a.imul(r9, qword(r8q), MILLISECONDS);
    a.mov(r8d, 8);
    emitCall(a, functions.waitOnAddress);
    a.jmp(end);
    a.bind(wake);
    a.mov(rcx, rsi);
    emitCall(a, functions.wakeByAddressSingle);
    a.bind(end);
    a.add(rsp, frame);
  });
}

/** In a second. */
const MILLISECONDS = 1000;
