import {
  type Assembler,
  byte,
  dword,
  eax,
  ebp,
  edx,
  type Mem,
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
  rcx,
  rdx,
  rsi,
  rsp,
  type Vmm,
  vmm,
} from '../../../asm/x64/index.ts';
import { type Layout, scalars } from './layout.ts';
import { rowStep, tapStep } from './plan.ts';
import type { ConvSpec } from './spec.ts';
import { stepBytes, type Target } from './target.ts';

/** Pointers to the first tap of a register tile's rows. */
export const ROWS: readonly R64[] = [r8q, r9, r10, r11, r12, r13, r14, r15];

/** A register tile: `height` output pixels × `vectors` vectors of channels. rsi points to the panel's data. */
export type Tile = {
  readonly asm: Assembler;
  readonly spec: ConvSpec;
  readonly target: Target;
  readonly layout: Layout;
  readonly height: number;
  readonly vectors: number;
  /** Whether the last vector has channels in its lower half only (layout.ts). */
  readonly isHalf?: boolean;
  /** Whether the signs of s8 activations have been flipped where the rows point to. */
  readonly isUnsigned?: boolean;
  /** A slot of the stack for steps of the rows' last bytes, where the layout has such: 32 bytes each. */
  readonly rest?: number;
  /** Given where the next panel's data is to be fetched meanwhile. */
  readonly ahead?: Ahead;
};

/** How many register tiles a panel is used for, and slots of the stack: what is fetched next, the rows of a window left. */
type Ahead = { readonly tiles: number; readonly next: number; readonly rowsLeft: number };

/** As much of a register as has channels of a vector: computing with half of one takes half of the time. */
export const used = ({ target, isHalf, vectors }: Tile, vector: number): ((register: Vmm) => Vmm) =>
  vmm(isHalf && vector === vectors - 1 ? 256 : target.bits);

/** The sums live in the first registers, a row of the tile after the other. */
export const accumulator = ({ target, vectors }: Tile, row: number, vector: number): Vmm =>
  vmm(target.bits)(row * vectors + vector);

export const load = (asm: Assembler, bits: 256 | 512, to: Vmm, from: ReturnType<typeof ptr>): void =>
  bits === 512 ? asm.vmovdqu64(to, from) : asm.vmovdqu(to, from);

export const store = (asm: Assembler, bits: 256 | 512, to: ReturnType<typeof ptr>, from: Vmm): void =>
  bits === 512 ? asm.vmovdqu64(to, from) : asm.vmovdqu(to, from);

/** k-steps that are written out one after the other before a loop is worth while. */
const STRAIGHT = 12;
const UNROLL = 4;

/**
 * Sums up all segments: `acc[row][v] = bias[v] + Σ x[row][k]·w[k][v]`. Changes rax, rcx, rdx, rbp and vectors.
 * `tapsLeft` is a slot of the stack.
 */
export function accumulate(tile: Tile, tapsLeft: number): void {
  const { asm, spec, layout } = tile;
  const ahead = aheadOf(tile);
  const { rows, taps, steps } = layout.segments;
  const dot = dotProduct(tile);
  dot.begin();
  asm.lea(rcx, ptr(rsi, layout.header.bytes));
  asm.xor(edx, edx);
  if (ahead !== undefined) beginAhead(tile, ahead);
  const row = asm.label('row');
  if (rows > 1) {
    if (ahead === undefined) asm.mov(ebp, rows);
    else asm.mov(dword(rsp, ahead.rowsLeft), rows);
    asm.bind(row);
  }
  let advanced = 0;
  if (taps === 1) advanced = segment(tile, dot, [0]);
  else if (steps * taps <= STRAIGHT) {
    const displacements = Array.from({ length: taps }, (_, tap) => tap * tapStep(spec));
    advanced = segment(tile, dot, displacements);
  } else {
    const tap = asm.label('tap');
    asm.mov(dword(rsp, tapsLeft), taps);
    asm.bind(tap);
    const inTap = segment(tile, dot, [0]);
    asm.add(rdx, tapStep(spec) - inTap);
    asm.dec(dword(rsp, tapsLeft));
    asm.jnz(tap);
    advanced = taps * tapStep(spec);
  }
  if (rows > 1) {
    asm.add(rdx, rowStep(spec) - advanced);
    asm.dec(ahead === undefined ? ebp : dword(rsp, ahead.rowsLeft));
    asm.jnz(row);
  }
  if (ahead !== undefined) asm.mov(qword(rsp, ahead.next), rbp);
  restSteps(tile, dot);
}

/** The steps of the last bytes of four rows of the window each, which scalar code brings together beside the dot products. */
function restSteps({ asm, spec, target, layout, height, vectors, rest: slot }: Tile, dot: Dot): void {
  const { rows, bytes, rest = 0 } = layout.segments;
  if (slot === undefined) return;
  for (let step = 0; step < rest; step++) {
    const at = (row: number): number => slot + 32 * step + 4 * row;
    for (let row = 0; row < height; row++) {
      for (let line = 4 * step; line < Math.min(rows, 4 * step + 4); line++) {
        // rdx has moved on by all rows of the window.
        const last = byte(ROWS[row]!, { index: rdx, disp: (line - rows) * rowStep(spec) + bytes - 1 });
        const part = line % 4 === 0 ? eax : ebp;
        asm.movzx(part, last);
        if (line % 4 === 0) continue;
        asm.shl(ebp, 8 * (line % 4));
        asm.or(eax, ebp);
      }
      asm.mov(dword(rsp, at(row)), eax);
    }
    dot.step((row) => ptr(rsp, at(row)), step * vectors * stepBytes(target));
  }
}

const isLooped = ({ layout }: Tile): boolean => layout.segments.steps > STRAIGHT;

/** Where a panel is used once, fetching the next beside it only makes the two compete. */
const aheadOf = (tile: Tile): Ahead | undefined =>
  isLooped(tile) && tile.ahead !== undefined && tile.ahead.tiles > 1 ? tile.ahead : undefined;

/** rbp: what of the next panel's data is fetched next. Once all is there, lines that are near cost least. */
function beginAhead({ asm, layout }: Tile, { next }: Ahead): void {
  asm.mov(rbp, qword(rsp, next));
  asm.lea(rax, ptr(rsi, 2 * layout.panelBytes));
  asm.cmp(rbp, rax);
  asm.cmovae(rbp, rsi);
}

const LINE = 64;

/**
 * Fetches a share of the next panel's data: in a run of a network they wait in the third-level cache or in memory, and only
 * a chunk's first register tile would wait for them. Spread over the loop, since a burst delays the loads behind it.
 */
function fetchAhead({ asm, target, vectors }: Tile, { tiles }: Ahead): void {
  const lines = Math.ceil((UNROLL * vectors * stepBytes(target)) / LINE / tiles);
  for (let i = 0; i < lines; i++) asm.prefetcht1(ptr(rbp, i * LINE));
  asm.add(rbp, lines * LINE);
}

/** The k-steps of segments at the displacements given; returns how far rdx has moved on. */
function segment(tile: Tile, dot: Dot, displacements: readonly number[]): number {
  const { asm, layout, target, vectors } = tile;
  const ahead = aheadOf(tile);
  const { steps } = layout.segments;
  const bytes = vectors * stepBytes(target);
  const straight = (count: number): void => {
    displacements.forEach((displacement, i) => {
      for (let s = 0; s < count; s++) dot.step(activations(displacement + 4 * s), (i * count + s) * bytes);
    });
    asm.add(rcx, displacements.length * count * bytes);
  };
  if (!isLooped(tile)) {
    straight(steps);
    return 0;
  }
  const loops = Math.floor(steps / UNROLL);
  const loop = asm.label('k');
  asm.mov(eax, loops);
  asm.bind(loop);
  straight(UNROLL);
  if (ahead !== undefined) fetchAhead(tile, ahead);
  asm.add(rdx, 4 * UNROLL);
  asm.dec(eax);
  asm.jnz(loop);
  if (steps % UNROLL > 0) straight(steps % UNROLL);
  return loops * 4 * UNROLL;
}

type Dot = {
  /** Constants and the sums' start. */
  readonly begin: () => void;
  /** One k-step: four channels of every row, the weights at rcx + `weights`. */
  readonly step: (from: (row: number) => Mem, weights: number) => void;
};

const activations =
  (disp: number) =>
  (row: number): Mem =>
    ptr(ROWS[row]!, { index: rdx, disp });

function dotProduct(tile: Tile): Dot {
  const { target } = tile;
  if (target.dot === 'vfmadd231ps') return multiplyAdd(tile);
  if (target.dot === 'vpmaddwd') return widening(tile);
  return target.bits === 512 ? vnni512(tile) : vnni256(tile);
}

const broadcastScalar = (asm: Assembler, to: Vmm, at: number): void => asm.vpbroadcastd(to, ptr(rsi, at));

function beginSums(tile: Tile): void {
  const { asm, target, layout, height, vectors } = tile;
  for (let v = 0; v < vectors; v++) {
    const first = accumulator(tile, 0, v);
    load(asm, target.bits, first, ptr(rsi, layout.header.bias + (v * target.bits) / 8));
    for (let row = 1; row < height; row++)
      if (target.bits === 512) asm.vmovdqa64(accumulator(tile, row, v), first);
      else asm.vmovdqa(accumulator(tile, row, v), first);
  }
}

/** vpdpbusd wants unsigned activations: s8 ones get their sign bit flipped, which adds 128; the bias makes up for it. */
function vnni512(tile: Tile): Dot {
  const { asm, spec, height, vectors, isUnsigned } = tile;
  const z = vmm(512);
  const signed = spec.input.type === 's8' && !isUnsigned;
  const signs = z(31);
  let turn = 0;
  return {
    begin: () => {
      if (signed) broadcastScalar(asm, signs, scalars.signBytes);
      beginSums(tile);
    },
    step: (from, weights) => {
      const w = (v: number): Vmm => z(16 + 2 * (turn & 1) + v);
      for (let v = 0; v < vectors; v++) load(asm, 512, used(tile, v)(w(v)), ptr(rcx, weights + 64 * v));
      for (let row = 0; row < height; row++) {
        const x = z(20 + row);
        asm.vpbroadcastd(x, from(row));
        if (signed) asm.vpxord(x, x, signs);
        for (let v = 0; v < vectors; v++) {
          const part = used(tile, v);
          asm.vpdpbusd(part(accumulator(tile, row, v)), part(x), part(w(v)));
        }
      }
      turn++;
    },
  };
}

function vnni256(tile: Tile): Dot {
  const { asm, spec, height, vectors, isUnsigned } = tile;
  const y = vmm(256);
  const signed = spec.input.type === 's8' && !isUnsigned;
  const [x, signs] = [y(14), y(15)];
  return {
    begin: () => {
      if (signed) broadcastScalar(asm, signs, scalars.signBytes);
      beginSums(tile);
    },
    step: (from, weights) => {
      for (let v = 0; v < vectors; v++) load(asm, 256, y(12 + v), ptr(rcx, weights + 32 * v));
      for (let row = 0; row < height; row++) {
        asm.vpbroadcastd(x, from(row));
        if (signed) asm.vpxor(x, x, signs);
        for (let v = 0; v < vectors; v++) asm.vpdpbusd(accumulator(tile, row, v), x, y(12 + v));
      }
    },
  };
}

/** A float32 of every row times a vector of weights each. Registers behind the sums: two of weights, then the inputs. */
function multiplyAdd(tile: Tile): Dot {
  const { asm, target, height, vectors } = tile;
  const v = vmm(target.bits);
  const isWide = target.bits === 512;
  let turn = 0;
  return {
    begin: () => beginSums(tile),
    step: (from, weights) => {
      const w = (i: number): Vmm => (isWide ? v(16 + 2 * (turn & 1) + i) : v(12 + i));
      for (let i = 0; i < vectors; i++) asm.vmovups(w(i), ptr(rcx, weights + (i * target.bits) / 8));
      for (let row = 0; row < height; row++) {
        const x = isWide ? v(20 + row) : v(14 + (row & 1));
        asm.vbroadcastss(x, from(row));
        for (let i = 0; i < vectors; i++) asm.vfmadd231ps(accumulator(tile, row, i), x, w(i));
      }
      turn++;
    },
  };
}

/** Exact in 16 bits: 255·127·2 fits into the 32 bits that vpmaddwd gives. Even and odd channels one after the other. */
function widening(tile: Tile): Dot {
  const { asm, spec, height, vectors, isUnsigned } = tile;
  const y = vmm(256);
  const signed = spec.input.type === 's8' && !isUnsigned;
  const [x, even, product, product2, signs, evenBytes] = [y(10), y(11), y(12), y(13), y(14), y(15)];
  return {
    begin: () => {
      if (signed) broadcastScalar(asm, signs, scalars.signBytes);
      broadcastScalar(asm, evenBytes, scalars.evenBytes);
      beginSums(tile);
    },
    step: (from, weights) => {
      for (let row = 0; row < height; row++) {
        asm.vpbroadcastd(x, from(row));
        if (signed) asm.vpxor(x, x, signs);
        asm.vpand(even, x, evenBytes);
        asm.vpsrlw(x, x, 8);
        for (let v = 0; v < vectors; v++) {
          const sum = accumulator(tile, row, v);
          asm.vpmaddwd(product, even, ptr(rcx, weights + 64 * v));
          asm.vpaddd(sum, sum, product);
          asm.vpmaddwd(product2, x, ptr(rcx, weights + 64 * v + 32));
          asm.vpaddd(sum, sum, product2);
        }
      }
    },
  };
}
