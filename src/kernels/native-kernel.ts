import type { Assembler } from '../asm/x64/index.ts';

/**
 * What generated code and the compiler agree on.
 *
 * A step of a program is a function `void step(arena, constants, tile)` in the System V convention (rdi, rsi, rdx), made
 * for one layer with all shapes, strides and offsets as literals. It computes tile number `tile` of `tiles`; tiles write
 * disjoint memory and may run at once on several threads, in any order. Code holds no absolute addresses and no model
 * data: all it touches is `arena + offset` and `constants + offset`, so it can be shared and its bounds be checked
 * before a byte is emitted. It may use every register but rsp, rbx, rbp, r12–r15 unless it saves them; it ends with
 * vzeroupper and ret.
 */
export type Isa = 'avx512_vnni' | 'avx_vnni' | 'avx2';

export type ElementType = 'u8' | 's8' | 's32' | 'f32';

/**
 * An NHWC tensor in the arena. `offset` is the byte where element [0, 0, 0, 0] lies; around each picture there may be a
 * halo that the planner has filled with the zero point, at most `halo` pixels wide on each side, which kernels may read.
 * Channels are contiguous. Of each pixel's `stride.w` bytes the first `c · sizeof(type)` are the tensor's: the rest
 * belongs to others (a concat in place) and is not written.
 */
export type Buffer = {
  readonly type: ElementType;
  readonly offset: number;
  readonly shape: { readonly n: number; readonly h: number; readonly w: number; readonly c: number };
  /** In bytes. */
  readonly stride: { readonly n: number; readonly h: number; readonly w: number };
  readonly halo: { readonly top: number; readonly bottom: number; readonly left: number; readonly right: number };
};

/** The bytes a step reads or writes, for the check of plans: `[begin, end)` from the start of the arena or the constants. */
export type Access = {
  readonly base: 'arena' | 'constants';
  readonly mode: 'read' | 'write';
  readonly begin: number;
  readonly end: number;
};

/** A layer's code and data, made by a kernel for one specification. */
export type Step = {
  readonly name: string;
  readonly tiles: number;
  /** Multiply-adds of the whole step, for profiles. */
  readonly macs: number;
  readonly accesses: readonly Access[];
  /** Emits the function's body, its `ret` included. Called with the assembler positioned at the function's start. */
  readonly emit: (asm: Assembler) => void;
};

/**
 * One way to compute a layer. Tables of a family list kernels best first; the first whose `supports` says nothing against
 * a specification is taken.
 */
export type NativeKernel<Spec> = {
  readonly name: string;
  readonly isa: Isa;
  /** Why this kernel can't compute `spec`, or undefined. */
  readonly whyNot: (spec: Spec) => string | undefined;
  /** Weights and scales as the code reads them, 64-byte aligned; appended to the program's constants. */
  readonly pack: (spec: Spec) => Uint8Array;
  /** The step, with its constants at byte `constants` of the program's. */
  readonly step: (spec: Spec, constants: number) => Step;
};
