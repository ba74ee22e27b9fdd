import { type Assembler, dword, eax, ptr, type R64, r8q, rdi, xmm, ymm } from '../../asm/x64/index.ts';
import type { Buffer, Step } from '../../kernels/native-kernel.ts';
import { access, emitRun, place, rowWalk, spanOf } from './move.ts';

/** vcmpps' predicate that is true where either operand is NaN. */
const UNORDERED = 3;
const [value, found] = [0, 1];

/**
 * Looks for NaN in float32 values: where there is one, the word at `flag` becomes 1. A quantizer has no code for it, and
 * must not turn it into a number silently.
 */
export function nanStep(name: string, buffer: Buffer, flag: number): Step {
  const from = inChunks(buffer);
  const walk = rowWalk({ buffer: from, pointer: r8q });
  return {
    name,
    tiles: walk.tiles,
    macs: 0,
    accesses: [access('read', spanOf(from)), access('write', { begin: flag, end: flag + 4 })],
    emit: (a) => {
      const clean = a.label('clean');
      walk.start(a);
      a.vxorps(ymm(found), ymm(found), ymm(found));
      walk.runs(a, (bytes) => emitScan(a, r8q, bytes));
      a.vmovmskps(eax, ymm(found));
      a.vzeroupper();
      a.test(eax, eax);
      a.je(clean);
      a.mov(dword(rdi, flag), 1);
      a.bind(clean);
      a.ret();
    },
  };
}

/** A buffer without gaps as rows of a few KiB, whatever its own are: so that tiles are neither tiny nor one. */
function inChunks(buffer: Buffer): Buffer {
  const { shape, stride } = buffer;
  const { n, h, w, c } = shape;
  const isDense = stride.w === c * 4 && stride.h === w * stride.w && stride.n === h * stride.h;
  const count = n * h * w * c;
  const rows = [64, 48, 32, 24, 16, 12, 8, 7, 6, 5, 4, 3, 2].find((k) => count % k === 0 && count / k >= 2048);
  if (!isDense || rows === undefined) return buffer;
  const bytes = (count / rows) * 4;
  return {
    ...buffer,
    shape: { n: 1, h: rows, w: 1, c: count / rows },
    stride: { n: rows * bytes, h: bytes, w: bytes },
  };
}

/** Gathers in `found` where the float32 values of a run are NaN; loads shorter than a vector fill it up with zeros. */
function emitScan(a: Assembler, from: R64, bytes: number): void {
  emitRun(a, bytes, ({ at, size }, isMoving) => {
    const source = ptr(from, place(at, isMoving));
    if (size === 32) a.vmovups(ymm(value), source);
    else if (size === 16) a.vmovups(xmm(value), source);
    else if (size === 8) a.vmovq(xmm(value), source);
    else a.vmovd(xmm(value), source);
    a.vcmpps(ymm(value), ymm(value), ymm(value), UNORDERED);
    a.vorps(ymm(found), ymm(found), ymm(value));
  });
}
