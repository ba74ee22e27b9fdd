import type { ConvSpec } from '../../conv/native/spec.ts';
import { type Target, weightIndex, weightValues } from '../../conv/native/target.ts';
import {
  type Block,
  byteOf,
  channelOf,
  common,
  halfAt,
  type Layout,
  rowBytes,
  tailAt,
  weightAt,
  weightVectors,
} from './layout.ts';

/** A depthwise convolution's constants: for each block of channels common vectors, then the two halves' constants. */
export function packDepthwise(spec: ConvSpec, target: Target, layout: Layout): Uint8Array {
  const packed = new Uint8Array(layout.bytes);
  for (const block of layout.blocks) {
    packCommon(spec, block, packed);
    for (let half = 0; half < 2; half++)
      for (let vector = 0; vector < 2; vector++) packVector(spec, target, layout, block, half, vector, packed);
  }
  return packed;
}

function packCommon({ result }: ConvSpec, { bits, offset }: Block, packed: Uint8Array): void {
  const bytes = bits / 8;
  const view = new DataView(packed.buffer, packed.byteOffset + offset);
  const [low, high] = result.kind === 'requantize' ? [result.low, result.high] : [0, 0];
  for (let i = 0; i < bytes; i++) {
    view.setUint8(common.signs * bytes + i, 0x80);
    view.setUint8(common.evenBytes * bytes + i, i % 2 === 0 ? 255 : 0);
    view.setUint8(common.lowBytes * bytes + i, low);
    view.setUint8(common.highBytes * bytes + i, high);
  }
  const back = result.kind === 'requantize' ? (result.steps?.back ?? result.real?.factor ?? 1) : 1;
  for (let i = 0; i < bytes; i += 4) {
    view.setFloat32(common.lowReal * bytes + i, -65536, true);
    view.setFloat32(common.highReal * bytes + i, 65536, true);
    view.setFloat32(common.back * bytes + i, back, true);
  }
}

/** Bias, multipliers and weights of one vector of channels. */
function packVector(
  spec: ConvSpec,
  target: Target,
  layout: Layout,
  block: Block,
  half: number,
  vector: number,
  packed: Uint8Array,
): void {
  const { kernel, input, bias, result, weights } = spec;
  if (result.kind !== 'requantize') return;
  const bytes = block.bits / 8;
  const start = block.offset + halfAt(half, layout, kernel.w, target) * bytes;
  const view = new DataView(packed.buffer, packed.byteOffset + start);
  const width = { bits: block.bits, dot: target.dot };
  const { c } = input.shape;
  for (let element = 0; element < block.bits / 32; element++) {
    const inBlock = channelOf(half, vector, element) % rowBytes(block);
    if (inBlock >= block.channels) continue;
    const channel = block.first + inBlock;
    let sum = 0;
    for (let column = 0; column < kernel.w; column++)
      for (let i = 0; i < kernel.h; i++) {
        const weight = weights[(i * kernel.w + column) * c + channel]!;
        sum += weight;
        // The same weight serves each output row, `row` lines further down.
        for (let row = 0; row < layout.shape.rows; row++) {
          const line = i + row;
          const at = weightAt(layout, kernel.w, target, { group: line >> 2, column, row, vector }) * bytes;
          const values = weightValues(target, packed, start + at, weightVectors(target) * bytes);
          values[weightIndex(width, element, byteOf(layout, line, column))] = weight;
        }
      }
    const shift = input.type === 's8' ? 128 * sum : 0;
    view.setInt32(vector * bytes + 4 * element, (bias?.[channel] ?? 0) - shift, true);
    view.setFloat32((2 + vector) * bytes + 4 * element, result.multipliers[channel]!, true);
    const tail = (tailAt(layout, kernel.w, target) + vector) * bytes + 4 * element;
    if (result.real !== undefined) view.setFloat32(tail, result.real.bias[channel]!, true);
    if (result.steps === undefined) continue;
    view.setFloat32(tail, result.steps.steps[channel]!, true);
    view.setFloat32(tail + 2 * bytes, result.steps.addends[channel]!, true);
  }
}
