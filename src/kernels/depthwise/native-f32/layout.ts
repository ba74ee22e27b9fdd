import type { Assembler } from '../../../asm/x64/index.ts';
import type { RealConvSpec } from '../../conv/native-f32/spec.ts';
import { tailMask } from '../../native/elements.ts';
import { type Machine, vectorBytes } from '../../native/machine.ts';

/**
 * Vectors of channels that one pass over a row computes: more where pixels lie far apart, so that fewer of them have to share
 * the lines of the first-level cache; fewer where rows are long and the register tile may be.
 */
const vectorsOf = ({ output }: RealConvSpec, { registers }: Machine): number =>
  registers === 32 && output.shape.w <= 28 ? 4 : 2;

/**
 * The register tile is `columns` output pixels by `vectors` vectors of channels. Constants: a vector of each limit, masks
 * for the last channels (AVX2), then for each so many vectors of channels their bias and the weights of each tap.
 */
export type Layout = {
  /** Whether weights stay in registers along all rows of a block (`slide.ts`), instead of for a register tile. */
  readonly slides: boolean;
  readonly columns: number;
  readonly vectors: number;
  /** Blocks of whole vectors, and the channels behind them. */
  readonly whole: number;
  readonly rest: number;
  readonly high: number;
  readonly masks: number;
  readonly blocks: number;
  readonly blockBytes: number;
  readonly bytes: number;
  /** Output rows in a tile, and tiles in a picture. */
  readonly rows: number;
  readonly rowGroups: number;
};

export type DepthwiseCode = {
  readonly asm: Assembler;
  readonly spec: RealConvSpec;
  readonly machine: Machine;
  readonly layout: Layout;
  readonly constants: number;
};

/** Pixels this far apart all begin in one or two sets of the first-level cache, whose ways they then fight for. */
const CROWDED = 2048;

/**
 * Two vectors of weights for nine taps, with sums and data for them, are 32 registers. Pixels that crowd each other out of
 * the cache are better read in wider blocks, a row at a time.
 */
const canSlide = ({ kernel, dilation, input }: RealConvSpec, { registers }: Machine): boolean =>
  registers === 32 && kernel.h <= 3 && kernel.w <= 3 && dilation.w === 1 && input.stride.w % CROWDED !== 0;

/** Multiply-adds of a tile: some 10 µs. */
const WORK = 400_000;

export function layoutOf(spec: RealConvSpec, machine: Machine): Layout {
  const { output, kernel } = spec;
  const { h, w, c } = output.shape;
  const slides = canSlide(spec, machine);
  const vectors = slides ? 2 : vectorsOf(spec, machine);
  const most = Math.floor((machine.registers - vectors - 2) / vectors);
  const block = vectors * machine.lanes;
  const taps = kernel.h * kernel.w;
  const bytes = vectorBytes(machine);
  const blocks = 2 * bytes + (machine.bits === 256 ? tailMask.byteLength : 0);
  const blockBytes = vectors * bytes * (1 + taps);
  const rows = Math.min(h, Math.max(1, Math.round(WORK / (w * c * taps))));
  return {
    slides,
    columns: Math.ceil(w / Math.ceil(w / Math.min(8, most))),
    vectors,
    whole: Math.floor(c / block),
    rest: c % block,
    high: bytes,
    masks: 2 * bytes,
    blocks,
    blockBytes,
    bytes: blocks + Math.ceil(c / block) * blockBytes,
    rows,
    rowGroups: Math.ceil(h / rows),
  };
}

export function packDepthwise(spec: RealConvSpec, machine: Machine, layout: Layout): Uint8Array {
  const { kernel, output, weights, bias, low, high } = spec;
  const { c } = output.shape;
  const { lanes } = machine;
  const packed = new Uint8Array(layout.bytes);
  const floats = new Float32Array(packed.buffer);
  floats.fill(low ?? Number.NEGATIVE_INFINITY, 0, lanes);
  floats.fill(high ?? Number.POSITIVE_INFINITY, lanes, 2 * lanes);
  if (machine.bits === 256) new Int32Array(packed.buffer).set(tailMask, layout.masks / 4);
  const block = layout.vectors * lanes;
  for (let first = 0; first < c; first += block) {
    const at = (layout.blocks + (first / block) * layout.blockBytes) / 4;
    const count = Math.min(block, c - first);
    if (bias !== undefined) floats.set(bias.subarray(first, first + count), at);
    for (let tap = 0; tap < kernel.h * kernel.w; tap++)
      floats.set(weights.subarray(tap * c + first, tap * c + first + count), at + (1 + tap) * block);
  }
  return packed;
}
