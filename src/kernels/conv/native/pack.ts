import { columnOf, type Layout, outputBytes, type Panel, scalars, vectorsOf } from './layout.ts';
import { type ConvSpec, stepsOf } from './spec.ts';
import { elements, stepBytes, type Target, weightIndex, weightValues } from './target.ts';

/** A convolution's constants as the generated code reads them: a panel's scalars, bias and multipliers, then its weights. */
export function packConv(spec: ConvSpec, target: Target, layout: Layout): Uint8Array {
  const packed = new Uint8Array(layout.panels.length * layout.panelBytes);
  layout.panels.forEach((panel, i) => {
    const base = i * layout.panelBytes;
    packScalars(spec, layout, panel, new DataView(packed.buffer, base, scalars.bytes));
    const sums = packWeights(spec, target, layout, panel, packed, base + layout.header.bytes);
    packVectors(spec, target, layout, panel, new DataView(packed.buffer, base), sums);
  });
  return packed;
}

function packScalars(spec: ConvSpec, layout: Layout, panel: Panel, to: DataView): void {
  const { result } = spec;
  const bytes = (at: number, value: number): void => to.setUint32(at, (value & 255) * 0x01010101, true);
  to.setInt32(scalars.inOffset, panel.firstIn, true);
  to.setInt32(scalars.outOffset, panel.firstOut * outputBytes(spec), true);
  to.setInt32(scalars.kind, layout.widths.indexOf(panel.width), true);
  bytes(scalars.signBytes, 0x80);
  to.setUint32(scalars.evenBytes, 0x00ff00ff, true);
  to.setFloat32(scalars.back, stepsOf(result)?.back ?? 1, true);
  if (result.kind === 'requantize') {
    to.setFloat32(scalars.summandMultiplier, result.summand?.multiplier ?? 0, true);
    const rounded = result.summand?.rounded;
    if (result.real !== undefined) to.setFloat32(scalars.factor, result.real.factor, true);
    if (rounded !== undefined) {
      to.setFloat32(scalars.roundedLow, rounded.low, true);
      to.setFloat32(scalars.roundedHigh, rounded.high, true);
      to.setFloat32(scalars.roundedScale, rounded.scale, true);
      to.setFloat32(scalars.factor, rounded.factor, true);
    }
    bytes(scalars.lowBytes, result.low);
    bytes(scalars.highBytes, result.high);
    // Beyond these every sum saturates anyway, and within them conversion to integers can't overflow.
    to.setFloat32(scalars.lowReal, -65536, true);
    to.setFloat32(scalars.highReal, 65536, true);
  }
  if (result.kind === 'dequantize') {
    to.setFloat32(scalars.lowReal, result.low ?? Number.NEGATIVE_INFINITY, true);
    to.setFloat32(scalars.highReal, result.high ?? Number.POSITIVE_INFINITY, true);
  }
}

/** Bias, multipliers and real bias; zero in columns that the panel does not have. `sums` are those of its weights. */
function packVectors(
  spec: ConvSpec,
  target: Target,
  { header }: Layout,
  panel: Panel,
  to: DataView,
  sums: Int32Array,
): void {
  const { result, bias, input } = spec;
  for (let vector = 0; vector < vectorsOf(panel.width, target); vector++)
    for (let element = 0; element < elements(target); element++) {
      const column = columnOf(spec, target, panel.width, vector, element);
      if (column >= panel.width) continue;
      const channel = panel.firstOut + column;
      const at = 4 * (vector * elements(target) + element);
      // s8 activations are read with their sign flipped, that is, 128 larger.
      const shift = input.type === 's8' ? Math.imul(128, sums[column]!) : 0;
      to.setInt32(header.bias + at, (bias?.[channel] ?? 0) - shift, true);
      const inSteps = stepsOf(result);
      if (inSteps !== undefined) {
        to.setFloat32(header.realBias + at, inSteps.addends[channel]!, true);
        to.setFloat32(header.steps + at, inSteps.steps[channel]!, true);
      }
      if (result.kind === 'sums' || result.kind === 'real') continue;
      to.setFloat32(header.multipliers + at, result.multipliers[channel]!, true);
      const real = result.kind === 'dequantize' ? result.bias : result.real?.bias;
      if (real !== undefined) to.setFloat32(header.realBias + at, real[channel]!, true);
    }
}

/** Where a panel's columns go in a step: for channel `k` of the four, the index of each column's value. */
function placesOf(spec: ConvSpec, target: Target, panel: Panel, k: number): Int32Array {
  const places = new Int32Array(panel.width);
  const vectors = vectorsOf(panel.width, target);
  for (let vector = 0; vector < vectors; vector++)
    for (let element = 0; element < elements(target); element++) {
      const column = columnOf(spec, target, panel.width, vector, element);
      if (column < panel.width) places[column] = vector * vectorValues(target) + weightIndex(target, element, k);
    }
  return places;
}

/** Values that a step has for one vector. */
const vectorValues = (target: Target): number => stepBytes(target) / (target.dot === 'vpdpbusd' ? 1 : 2);

/** Writes a panel's weights [segment][step][vector][element][4] and returns the sum of each column. */
function packWeights(
  spec: ConvSpec,
  target: Target,
  layout: Layout,
  panel: Panel,
  packed: Uint8Array,
  offset: number,
): Int32Array {
  const { rows, taps, bytes } = layout.segments;
  const bytesOfPanel = layout.panelBytes - layout.header.bytes;
  const sums = new Int32Array(panel.width);
  const isPlain = layout.merged === 1 && target.dot === 'vpdpbusd';
  // Whole steps of four channels are most of the weights of a network and are packed four at a time.
  const whole = isPlain ? bytes & ~3 : 0;
  const values = weightValues(target, packed, offset, bytesOfPanel);
  const words = isPlain ? new Int32Array(packed.buffer, packed.byteOffset + offset, bytesOfPanel / 4) : undefined;
  const places = [0, 1, 2, 3].map((k) => placesOf(spec, target, panel, k));
  for (let segment = 0; segment < rows * taps; segment++) {
    if (words !== undefined) packSteps(spec, target, layout, panel, places[0]!, segment, words, sums);
    for (let byte = whole; byte < bytes; byte++)
      packChannel(spec, target, layout, panel, places, segment, byte, values, sums);
  }
  return sums;
}

/** The whole steps of a segment. Its bytes are consecutive rows of the filter. */
function packSteps(
  { weights, output, input }: ConvSpec,
  target: Target,
  layout: Layout,
  panel: Panel,
  places: Int32Array,
  segment: number,
  words: Int32Array,
  sums: Int32Array,
): void {
  const { bytes, steps } = layout.segments;
  const { c } = output.shape;
  const perStep = (vectorsOf(panel.width, target) * vectorValues(target)) / 4;
  const summed = input.type === 's8';
  const at = places.map((place) => place >> 2);
  for (let step = 0; step < bytes >> 2; step++) {
    const a = (segment * bytes + 4 * step) * c + panel.firstOut;
    const to = (segment * steps + step) * perStep;
    for (let column = 0; column < at.length; column++) {
      const from = a + column;
      const [w0, w1, w2, w3] = [weights[from]!, weights[from + c]!, weights[from + 2 * c]!, weights[from + 3 * c]!];
      words[to + at[column]!] = (w0 & 255) | ((w1 & 255) << 8) | ((w2 & 255) << 16) | (w3 << 24);
      if (summed) sums[column]! += w0 + w1 + w2 + w3;
    }
  }
}

/** One channel of one tap. In a block of merged groups only the columns of the channel's own group have weights. */
function packChannel(
  { kernel, groups, input, output, weights }: ConvSpec,
  target: Target,
  layout: Layout,
  panel: Panel,
  places: readonly Int32Array[],
  segment: number,
  byte: number,
  values: Int8Array | Int16Array,
  sums: Int32Array,
): void {
  const { rows, taps, steps } = layout.segments;
  const perGroupIn = input.shape.c / groups;
  const perGroupOut = output.shape.c / groups;
  const tap = taps === 1 ? segment * kernel.w + Math.floor(byte / layout.blockIn) : segment;
  const channel = byte % layout.blockIn;
  const group = Math.floor(channel / perGroupIn);
  const first = layout.merged === 1 ? 0 : group * perGroupOut;
  const last = layout.merged === 1 ? panel.width : Math.min(panel.width, first + perGroupOut);
  const from = (tap * perGroupIn + (channel - group * perGroupIn)) * output.shape.c + panel.firstOut;
  const isRest = byte >= 4 * steps;
  const step = isRest ? rows * steps + (segment >> 2) : segment * steps + (byte >> 2);
  const to = step * vectorsOf(panel.width, target) * vectorValues(target);
  const columns = places[(isRest ? segment : byte) & 3]!;
  for (let column = first; column < last; column++) {
    const weight = weights[from + column]!;
    values[to + columns[column]!] = weight;
    sums[column]! += weight;
  }
}
