/**
 * The few stubs the host needs before there is a compiler, as bytes with their disassembly. All are System V functions
 * (first argument in rdi) unless they say otherwise.
 */

/** int64 f(): returns PROBE_RESULT. Proves that generated code can run in this process. */
export const PROBE_RESULT = 0x0c7e7;
export const probeStub = Uint8Array.of(
  ...[0xb8, 0xe7, 0xc7, 0x00, 0x00], // mov eax, 0xc7e7
  0xc3, // ret
);

/** void f(uint32 r[4]): r[0] = leaf, r[1] = subleaf; overwritten with eax, ebx, ecx, edx. */
export const cpuidStub = Uint8Array.of(
  0x53, // push rbx
  ...[0x8b, 0x07], // mov eax, [rdi]
  ...[0x8b, 0x4f, 0x04], // mov ecx, [rdi+4]
  ...[0x0f, 0xa2], // cpuid
  ...[0x89, 0x07], // mov [rdi], eax
  ...[0x89, 0x5f, 0x04], // mov [rdi+4], ebx
  ...[0x89, 0x4f, 0x08], // mov [rdi+8], ecx
  ...[0x89, 0x57, 0x0c], // mov [rdi+12], edx
  0x5b, // pop rbx
  0xc3, // ret
);

/** void f(uint32 r[2]): the extended control register XCR0, low half first. */
export const xgetbvStub = Uint8Array.of(
  ...[0x31, 0xc9], // xor ecx, ecx
  ...[0x0f, 0x01, 0xd0], // xgetbv
  ...[0x89, 0x07], // mov [rdi], eax
  ...[0x89, 0x57, 0x04], // mov [rdi+4], edx
  0xc3, // ret
);

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
