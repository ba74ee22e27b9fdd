import {
  type Assembler,
  byte,
  dword,
  eax,
  ecx,
  edx,
  ptr,
  qword,
  type R64,
  r8,
  r8q,
  r9,
  r10,
  r11,
  r16,
  rax,
  rcx,
  rdi,
  rdx,
  vmm,
  word,
  xmm,
  ymm,
} from '../../asm/x64/index.ts';
import type { Access, Buffer, Step } from '../../kernels/native-kernel.ts';
import { bytesOfElement } from '../layer.ts';

/**
 * Moving bytes and zeroing borders, in AVX, which every machine has that runs generated code: neither is limited by the
 * width of registers.
 */
type Piece = { readonly at: number; readonly size: 32 | 16 | 8 | 4 | 2 | 1 };

/** The accesses that cover `bytes` bytes: of the largest size that fits, the last one overlapping the one before. */
function pieces(bytes: number): readonly Piece[] {
  const size = ([32, 16, 8, 4, 2, 1] as const).find((width) => width <= bytes);
  if (size === undefined) return [];
  const whole = Math.floor(bytes / size);
  const list = Array.from({ length: whole }, (_, i): Piece => ({ at: i * size, size }));
  return whole * size === bytes ? list : [...list, { at: bytes - size, size }];
}

/** Longer runs than this are loops of blocks of this size. */
const block = 256;

/** `emit(piece, moving)` for all pieces of a run; in the loop addresses move with rcx. */
export function emitRun(a: Assembler, bytes: number, emit: (piece: Piece, isMoving: boolean) => void): void {
  const looped = bytes > 2 * block ? Math.floor(bytes / block) * block : 0;
  if (looped > 0) {
    const again = a.label();
    a.xor(ecx, ecx);
    a.bind(again);
    for (const piece of pieces(block)) emit(piece, true);
    a.add(rcx, block);
    a.cmp(rcx, looped);
    a.jb(again);
  }
  for (const { at, size } of pieces(bytes - looped)) emit({ at: looped + at, size }, false);
}

export const place = (at: number, isMoving: boolean) => (isMoving ? { index: rcx, disp: at } : at);

/** Copies `bytes` bytes from [from] to [to]; changes rax, rcx and ymm0. */
export function emitCopy(a: Assembler, to: R64, from: R64, bytes: number): void {
  emitRun(a, bytes, ({ at, size }, isMoving) => {
    const where = place(at, isMoving);
    if (size >= 16) {
      const v = vmm(size === 32 ? 256 : 128)(0);
      a.vmovdqu(v, ptr(from, where));
      a.vmovdqu(ptr(to, where), v);
    } else if (size === 8) {
      a.mov(rax, qword(from, where));
      a.mov(qword(to, where), rax);
    } else if (size === 4) {
      a.mov(eax, dword(from, where));
      a.mov(dword(to, where), eax);
    } else if (size === 2) {
      a.movzx(eax, word(from, where));
      a.mov(word(to, where), r16(rax));
    } else {
      a.movzx(eax, byte(from, where));
      a.mov(byte(to, where), r8(rax));
    }
  });
}

/** Zeroes `bytes` bytes from [to] on; needs ymm0 and rax to be zero, changes rcx. */
function emitZero(a: Assembler, to: R64, bytes: number): void {
  emitRun(a, bytes, ({ at, size }, isMoving) => {
    const where = place(at, isMoving);
    if (size === 32) a.vmovdqu(ptr(to, where), ymm(0));
    else if (size === 16) a.vmovdqu(ptr(to, where), xmm(0));
    else if (size === 8) a.mov(qword(to, where), rax);
    else if (size === 4) a.mov(dword(to, where), eax);
    else if (size === 2) a.mov(word(to, where), r16(rax));
    else a.mov(byte(to, where), r8(rax));
  });
}

/** Runs `body` `count` times, counting in `counter`. */
function emitLoop(a: Assembler, counter: R64, count: number, body: () => void): void {
  if (count === 1) {
    body();
    return;
  }
  const again = a.label();
  a.mov(counter, count);
  a.bind(again);
  body();
  a.dec(counter);
  a.jne(again);
}

/** Bytes from the first element to behind the last. */
export function spanOf({ offset, shape, stride, type }: Buffer): { begin: number; end: number } {
  const { n, h, w, c } = shape;
  const last = (n - 1) * stride.n + (h - 1) * stride.h + (w - 1) * stride.w + c * bytesOfElement[type];
  return { begin: offset, end: n * h * w * c === 0 ? offset : offset + last };
}

export const access = (mode: Access['mode'], { begin, end }: { begin: number; end: number }): Access => ({
  base: 'arena',
  mode,
  begin,
  end,
});

/** Enough for a tile that its claim does not matter. */
const tileBytes = 32 * 1024;

/** The most rows a tile so that all tiles have as many and stay small. */
function rowsOfTile(h: number, rowBytes: number): number {
  let rows = Math.max(1, Math.min(h, Math.floor(tileBytes / rowBytes)));
  while (h % rows !== 0) rows--;
  return rows;
}

/** A picture tensor and the register that goes through it. */
type Picture = { readonly buffer: Buffer; readonly pointer: R64 };

/** How a step goes through picture tensors of one shape together: in tiles of rows. */
type RowWalk = {
  readonly tiles: number;
  /** Moves the pointers to the first row of tile edx; changes rax, rcx and r11. */
  readonly start: (a: Assembler) => void;
  /**
   * Calls `run` where the pointers are at elements that lie one after the other in every tensor, so many bytes of them.
   * Counts in r10 and r11.
   */
  readonly runs: (a: Assembler, run: (bytes: number) => void) => void;
};

export function rowWalk(...pictures: readonly [Picture, ...Picture[]]): RowWalk {
  const { shape, type } = pictures[0].buffer;
  const { n, h, w, c } = shape;
  const pixel = c * bytesOfElement[type];
  const rows = rowsOfTile(h, w * pixel);
  const groups = h / rows;
  const isRun = pictures.every(({ buffer }) => buffer.stride.w === pixel);
  const step = (a: Assembler, by: (stride: Buffer['stride']) => number): void => {
    for (const { pointer, buffer } of pictures) a.add(pointer, by(buffer.stride));
  };
  return {
    tiles: n * groups,
    start: (a) => {
      for (const { pointer, buffer } of pictures) emitStart(a, pointer, buffer, { groups, rows });
    },
    runs: (a, run) =>
      emitLoop(a, r10, rows, () => {
        if (isRun) run(w * pixel);
        else
          emitLoop(a, r11, w, () => {
            run(pixel);
            step(a, (stride) => stride.w);
          });
        step(a, (stride) => stride.h - (isRun ? 0 : w * stride.w));
      }),
  };
}

/** Copies a picture tensor from one layout to another. */
export function copyStep(name: string, from: Buffer, to: Buffer): Step {
  const { n, h, w, c } = from.shape;
  const walk = rowWalk({ buffer: from, pointer: r8q }, { buffer: to, pointer: r9 });
  return {
    name,
    tiles: Math.max(1, walk.tiles),
    macs: 0,
    accesses: [access('read', spanOf(from)), access('write', spanOf(to))],
    emit: (a) => {
      if (n * h * w * c > 0) {
        walk.start(a);
        walk.runs(a, (bytes) => emitCopy(a, r9, r8q, bytes));
      }
      a.vzeroupper();
      a.ret();
    },
  };
}

/** to = rdi + the address of the first row of tile edx = picture · groups + group; keeps rdi and rdx. */
function emitStart(a: Assembler, to: R64, { offset, stride }: Buffer, tile: { groups: number; rows: number }): void {
  a.mov(r11, rdx);
  a.mov(eax, edx);
  a.xor(edx, edx);
  a.mov(ecx, tile.groups);
  a.div(ecx);
  a.imul(rax, rax, stride.n);
  a.imul(rdx, rdx, stride.h * tile.rows);
  a.lea(to, ptr(rdi, { index: rax, disp: offset }));
  a.add(to, rdx);
  a.mov(rdx, r11);
}

/** Zeroes the halo around a picture tensor: one tile a picture. */
export function borderStep(name: string, buffer: Buffer): Step {
  const { shape, stride, halo, offset } = buffer;
  const left = halo.left * stride.w;
  const right = halo.right * stride.w;
  const begin = offset - halo.top * stride.h - left;
  const head = halo.top * stride.h + left;
  const tail = right + halo.bottom * stride.h;
  return {
    name,
    tiles: shape.n,
    macs: 0,
    accesses: [access('write', { begin, end: begin + shape.n * stride.n })],
    emit: (a) => {
      a.imul(rdx, rdx, stride.n);
      a.lea(r8q, ptr(rdi, { index: rdx, disp: begin }));
      a.vpxor(xmm(0), xmm(0), xmm(0));
      a.xor(eax, eax);
      emitZero(a, r8q, head);
      // Of each row's end and the next row's start one run.
      a.add(r8q, head + shape.w * stride.w);
      if (shape.h > 1)
        emitLoop(a, r10, shape.h - 1, () => {
          emitZero(a, r8q, right + left);
          a.add(r8q, stride.h);
        });
      emitZero(a, r8q, tail);
      a.vzeroupper();
      a.ret();
    },
  };
}
