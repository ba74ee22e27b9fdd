import {
  type Assembler,
  k1,
  k2,
  k3,
  type Mem,
  offset,
  ptr,
  rsi,
  type Vmm,
  vmm,
  type Xmm,
  xmm,
  ymm,
  zmm,
} from '../../../asm/x64/index.ts';
import { scalars } from './layout.ts';
import type { RealResult, Result } from './spec.ts';
import { accumulator, type Tile, used } from './tile.ts';

/** What an epilogue needs to know beside its tile. */
export type Epilogue = {
  readonly tile: Tile;
  /** Columns of the panel. With fewer than the vectors hold, AVX-512 stores by the masks k1 (bytes), k2 and k3 (elements). */
  readonly width: number;
  /** Whether sums times multipliers can leave the range of int32, so that they must be clamped before conversion. */
  readonly mayOverflow: boolean;
  /** The address of a row of the output and of the summand; may use rax and rbp. */
  readonly output: (row: number) => Mem;
  readonly summand: (row: number) => Mem;
};

type Requantize = Extract<Result, { kind: 'requantize' }>;
type Dequantize = Extract<Result, { kind: 'dequantize' }>;
type Sums = Extract<Result, { kind: 'sums' }>;

/** Turns the sums of a register tile into its results and stores them. */
export function finish(epilogue: Epilogue): void {
  const { result } = epilogue.tile.spec;
  if (result.kind === 'requantize') requantize(epilogue, result);
  else if (result.kind === 'real') reals(epilogue, result);
  else words(epilogue, result);
}

const isPartial = ({ tile, width }: Epilogue): boolean => width < (tile.vectors * tile.target.bits) / 32;

/** Registers that are free after the sums: 16 on with AVX-512, the last four without. */
function temporaries(bits: 256 | 512): readonly [Vmm, Vmm, Vmm, Vmm] {
  const v = vmm(bits);
  return bits === 512 ? [v(20), v(21), v(28), v(29)] : [v(12), v(13), v(14), v(15)];
}

/** Where the multipliers are: loaded to registers with AVX-512, else in memory. */
function multipliersOf(tile: Tile): (vector: number) => Vmm | Mem {
  const { asm, target, layout, vectors } = tile;
  const at = (vector: number): Mem => ptr(rsi, layout.header.multipliers + (vector * target.bits) / 8);
  if (target.bits === 256) return at;
  for (let vector = 0; vector < vectors; vector++) asm.vmovups(zmm(16 + vector), at(vector));
  return (vector) => used(tile, vector)(vmm(512)(16 + vector));
}

function requantize(epilogue: Epilogue, result: Requantize): void {
  const { tile } = epilogue;
  const { asm, target, layout, height, vectors, spec } = tile;
  const [, value, zero, summandMultiplier] = temporaries(target.bits);
  const multiplier = multipliersOf(tile);
  const isSigned = result.summand?.buffer.type === 's8';
  if (result.summand !== undefined) {
    asm.vbroadcastss(summandMultiplier, ptr(rsi, scalars.summandMultiplier));
    if (!isSigned) clear(asm, target.bits, zero);
  }
  const narrow = narrowing(epilogue, result, spec.output.type === 's8');
  for (let row = 0; row < height; row++) {
    const sums = Array.from({ length: vectors }, (_, v) => accumulator(tile, row, v));
    sums.forEach((whole, v) => {
      const sum = used(tile, v)(whole);
      asm.vcvtdq2ps(sum, sum);
      if (result.steps !== undefined) toSteps(tile, whole, v, value);
      asm.vmulps(sum, sum, multiplier(v));
      if (result.real !== undefined) asm.vaddps(whole, whole, ptr(rsi, layout.header.realBias + (v * target.bits) / 8));
    });
    const isRounded = result.summand?.rounded !== undefined;
    if (isRounded) roundToCodes(asm, target.bits, sums, value);
    if (result.summand !== undefined)
      summandVectors(epilogue, row, isSigned, (v) => {
        const [sum, addend, factor] = [sums[v]!, value, summandMultiplier].map(used(tile, v)) as [Vmm, Vmm, Vmm];
        asm.vcvtdq2ps(addend, addend);
        if (result.summand?.isFused) asm.vfmadd231ps(sum, addend, factor);
        else {
          asm.vmulps(addend, addend, factor);
          asm.vaddps(sum, sum, addend);
        }
      });
    if (isRounded || result.real !== undefined) forEachWith(asm, scalars.factor, sums, value, asm.vmulps);
    sums.forEach((whole, v) => {
      const sum = used(tile, v)(whole);
      if (epilogue.mayOverflow) clampReal(asm, whole, value);
      asm.vcvtps2dq(sum, sum);
    });
    narrow(sums, epilogue.output(row));
  }
}

/** Brings a vector of sums to the steps of the largest channel's weights, as whole numbers. */
function toSteps({ asm, target, layout: { header } }: Tile, sum: Vmm, vector: number, temporary: Vmm): void {
  const at = (vectors: number): Mem => ptr(rsi, vectors + (vector * target.bits) / 8);
  asm.vmulps(sum, sum, at(header.steps));
  asm.vaddps(sum, sum, at(header.realBias));
  asm.vbroadcastss(temporary, ptr(rsi, scalars.back));
  asm.vmulps(sum, sum, temporary);
  target.bits === 512 ? asm.vrndscaleps(sum, sum, 0) : asm.vroundps(sum, sum, 0);
}

/** Applies `apply(sum, sum, scalar)` to each sum, with a scalar of the panel's data broadcast to `temporary`. */
function forEachWith(
  asm: Assembler,
  at: number,
  sums: readonly Vmm[],
  temporary: Vmm,
  apply: (to: Vmm, a: Vmm, b: Vmm) => void,
): void {
  asm.vbroadcastss(temporary, ptr(rsi, at));
  for (const sum of sums) apply(sum, sum, temporary);
}

/** Rounds and clamps to the codes that stand for the sums alone, and gives their values. The limits are whole numbers. */
function roundToCodes(asm: Assembler, bits: 256 | 512, sums: readonly Vmm[], temporary: Vmm): void {
  forEachWith(asm, scalars.roundedLow, sums, temporary, asm.vmaxps);
  forEachWith(asm, scalars.roundedHigh, sums, temporary, asm.vminps);
  // 0: to the nearest, ties to even.
  for (const sum of sums) bits === 512 ? asm.vrndscaleps(sum, sum, 0) : asm.vroundps(sum, sum, 0);
  forEachWith(asm, scalars.roundedScale, sums, temporary, asm.vmulps);
}

/** Leaves each vector of a row's summand as int32 in the second temporary, in the panel's order of columns, for `use`. */
function summandVectors(epilogue: Epilogue, row: number, isSigned: boolean, use: (vector: number) => void): void {
  const { tile } = epilogue;
  const { asm, target, vectors } = tile;
  const [packed, value, zero] = temporaries(target.bits);
  const from = epilogue.summand(row);
  const masked = target.bits === 512 && isPartial(epilogue);
  if (vectors === 1) {
    const to = masked ? value.maskz(k1) : value;
    if (isSigned) asm.vpmovsxbd(to, from);
    else asm.vpmovzxbd(to, from);
    use(0);
    return;
  }
  if (tile.isHalf) {
    const bytes = ymm(packed);
    asm.vmovdqu8(bytes.maskz(k1), from);
    asm.vpshufd(bytes, bytes, MIDDLE_SWAPPED);
    if (isSigned) asm.vpmovsxbw(zmm(packed), bytes);
    else asm.vpmovzxbw(zmm(packed), bytes);
  } else if (isSigned) asm.vpmovsxbw(masked ? packed.maskz(k1) : packed, from);
  else asm.vpmovzxbw(masked ? packed.maskz(k1) : packed, from);
  for (let v = 0; v < 2; v++) {
    const other = isSigned ? packed : zero;
    if (v === 0) asm.vpunpcklwd(value, packed, other);
    else asm.vpunpckhwd(value, packed, other);
    if (isSigned) asm.vpsrad(value, value, 16);
    use(v);
  }
}

const clear = (asm: Assembler, bits: 256 | 512, to: Vmm): void =>
  bits === 512 ? asm.vpxord(to, to, to) : asm.vpxor(to, to, to);

/** Keeps float values where converting them to int32 is exact enough: beyond ±65536 they saturate anyway. */
function clampReal(asm: Assembler, value: Vmm, temporary: Vmm): void {
  for (const [at, clamp] of [
    [scalars.lowReal, asm.vmaxps],
    [scalars.highReal, asm.vminps],
  ] as const) {
    asm.vbroadcastss(temporary, ptr(rsi, at));
    clamp(value, value, temporary);
  }
}

/** A function that packs a row's int32 vectors to saturated bytes, clamps and stores them. */
function narrowing(
  epilogue: Epilogue,
  { low, high }: Requantize,
  isSigned: boolean,
): (sums: readonly Vmm[], to: Mem) => void {
  const { asm, target } = epilogue.tile;
  const [temporary] = temporaries(target.bits);
  const [least, most] = isSigned ? [-128, 127] : [0, 255];
  const width = target.bits === 512 && epilogue.tile.vectors === 2 ? 256 : 128;
  // With 32 registers the limits stay in two of them, else they are fetched for each row.
  const limits = [low > least ? scalars.lowBytes : undefined, high < most ? scalars.highBytes : undefined] as const;
  const fetch = (at: number, i: number): Vmm => {
    const limit = vmm(width)(target.bits === 512 ? 26 + i : temporary.n);
    asm.vpbroadcastd(limit, ptr(rsi, at));
    return limit;
  };
  const kept = target.bits === 512 ? limits.map((at, i) => (at === undefined ? undefined : fetch(at, i))) : [];
  const clamp = (bytes: Vmm): void => {
    limits.forEach((at, i) => {
      if (at === undefined) return;
      const limit = kept[i] ?? fetch(at, i);
      const [greatest, smallest] = isSigned ? [asm.vpmaxsb, asm.vpminsb] : [asm.vpmaxub, asm.vpminub];
      (i === 0 ? greatest : smallest)(bytes, bytes, limit);
    });
  };
  return (sums, to) => {
    const bytes =
      target.bits === 512 ? narrow512(epilogue.tile, sums, isSigned, temporary) : narrow256(asm, sums, isSigned);
    clamp(bytes);
    if (target.bits === 256) storeBytes(asm, xmm(bytes), to, epilogue.width);
    else if (isPartial(epilogue)) asm.vmovdqu8(to.mask(k1), bytes);
    else asm.vmovdqu8(to, bytes);
  };
}

/** For vpshufd: the second and the third four bytes of a lane change places (layout.ts, columnOf). */
const MIDDLE_SWAPPED = 0b11_01_10_00;

/** One or two vectors to bytes. Packing saturates twice, to 16 and to 8 bits, which is the same as once. */
function narrow512({ asm, isHalf }: Tile, sums: readonly Vmm[], isSigned: boolean, temporary: Vmm): Vmm {
  const [a, b] = [zmm(sums[0]!), sums[1]];
  const half = ymm(temporary.n + 2);
  const quarter = xmm(temporary.n + 2);
  if (b === undefined) {
    if (isSigned) asm.vpmovsdb(quarter, a);
    else {
      const zero = vmm(512)(24);
      clear(asm, 512, zero);
      asm.vpmaxsd(a, a, zmm(zero));
      asm.vpmovusdb(quarter, a);
    }
    return vmm(128)(quarter.n);
  }
  if (isSigned) {
    asm.vpackssdw(a, a, zmm(b));
    asm.vpmovswb(half, a);
  } else {
    asm.vpackusdw(a, a, zmm(b));
    asm.vpmovuswb(half, a);
  }
  if (isHalf) asm.vpshufd(half, half, MIDDLE_SWAPPED);
  return vmm(256)(half.n);
}

/** The same in AVX2. vpackuswb takes its words as signed, so the first step keeps the sign for both. */
function narrow256(asm: Assembler, sums: readonly Vmm[], isSigned: boolean): Vmm {
  const [a, b] = [ymm(sums[0]!), sums[1]];
  asm.vpackssdw(a, a, b === undefined ? a : ymm(b));
  if (isSigned) asm.vpacksswb(a, a, a);
  else asm.vpackuswb(a, a, a);
  if (b !== undefined) asm.vpermq(a, a, 0b1000);
  else {
    const [upper] = temporaries(256);
    asm.vextracti128(xmm(upper), a, 1);
    asm.vpunpckldq(xmm(a.n), xmm(a.n), xmm(upper));
  }
  return vmm(128)(a.n);
}

/** Stores the first `bytes` bytes of a vector without touching what follows, for lack of masks. Shifts `from`. */
export function storeBytes(asm: Assembler, from: Xmm, to: Mem, bytes: number): void {
  if (bytes === 16) {
    asm.vmovdqu(to, from);
    return;
  }
  let at = 0;
  for (const size of [8, 4, 2, 1] as const) {
    if ((bytes & size) === 0) continue;
    const place = offset(to, at);
    if (size === 8) asm.vmovq(place, from);
    else if (size === 4) asm.vmovd(place, from);
    else if (size === 2) asm.vpextrw(place, from, 0);
    else asm.vpextrb(place, from, 0);
    at += size;
    if (at < bytes) asm.vpsrldq(from, from, size);
  }
}

/** Stores int32 or float results: columns are in order, a vector after the other. */
function words(epilogue: Epilogue, result: Dequantize | Sums): void {
  const { tile, width } = epilogue;
  const { asm, target, layout, height, vectors } = tile;
  const [, temporary] = temporaries(target.bits);
  const multiplier = result.kind === 'sums' ? undefined : multipliersOf(tile);
  const perVector = target.bits / 32;
  for (let row = 0; row < height; row++) {
    const to = epilogue.output(row);
    for (let v = 0; v < vectors; v++) {
      const sum = accumulator(tile, row, v);
      if (result.kind === 'sums') finishSums(tile, result, sum, v, temporary);
      else if (multiplier !== undefined) {
        asm.vcvtdq2ps(sum, sum);
        asm.vmulps(used(tile, v)(sum), used(tile, v)(sum), multiplier(v));
        asm.vaddps(sum, sum, ptr(rsi, layout.header.realBias + (v * target.bits) / 8));
        if (result.low !== undefined || result.high !== undefined) clampReal(asm, sum, temporary);
      }
      storeWords(
        asm,
        target.bits,
        sum,
        offset(to, v * (target.bits / 8)),
        v,
        Math.min(perVector, width - v * perVector),
      );
    }
  }
}

/** Sums in steps, and none below zero. */
function finishSums(tile: Tile, { steps, relu }: Sums, sum: Vmm, vector: number, temporary: Vmm): void {
  const { asm, target } = tile;
  if (steps !== undefined) {
    asm.vcvtdq2ps(sum, sum);
    toSteps(tile, sum, vector, temporary);
    asm.vcvtps2dq(sum, sum);
  }
  if (relu !== true) return;
  clear(asm, target.bits, temporary);
  asm.vpmaxsd(sum, sum, temporary);
}

/** Stores sums of float32, after the summand and the limits. max and min pass NaN on from their second operand. */
function reals(epilogue: Epilogue, { low, high, summand }: RealResult): void {
  const { tile, width } = epilogue;
  const { asm, target, height, vectors } = tile;
  const perVector = target.bits / 32;
  const [lowest, highest, , other] = temporaries(target.bits);
  if (low !== undefined) asm.vbroadcastss(lowest, ptr(rsi, scalars.lowReal));
  if (high !== undefined) asm.vbroadcastss(highest, ptr(rsi, scalars.highReal));
  for (let row = 0; row < height; row++) {
    const to = epilogue.output(row);
    const from = summand === undefined ? undefined : epilogue.summand(row);
    for (let v = 0; v < vectors; v++) {
      const sum = accumulator(tile, row, v);
      const count = Math.min(perVector, width - v * perVector);
      const at = (v * target.bits) / 8;
      if (from !== undefined) {
        const isMasked = target.bits === 512 && count < perVector;
        asm.vmovups(isMasked ? other.maskz(v === 0 ? k2 : k3) : other, offset(from, at));
        asm.vaddps(sum, sum, other);
      }
      if (low !== undefined) asm.vmaxps(sum, lowest, sum);
      if (high !== undefined) asm.vminps(sum, highest, sum);
      storeWords(asm, target.bits, sum, offset(to, at), v, count);
    }
  }
}

function storeWords(asm: Assembler, bits: 256 | 512, from: Vmm, to: Mem, vector: number, count: number): void {
  if (count === bits / 32) {
    asm.vmovups(to, from);
    return;
  }
  if (bits === 512) {
    asm.vmovups(to.mask(vector === 0 ? k2 : k3), from);
    return;
  }
  const low = xmm(from.n);
  storeBytes(asm, low, to, Math.min(16, 4 * count));
  if (count <= 4) return;
  asm.vextracti128(low, ymm(from), 1);
  storeBytes(asm, low, offset(to, 16), 4 * count - 16);
}
