import type { Group, Reader, Source } from './groups.ts';

/**
 * About how much of what a group's readers give is rounding error, were its classes divided by `scales`: noise over signal,
 * summed over them. Errors are taken as uniform within a step and independent, a step as 1/255 of the largest value and 1/127
 * of the largest weight of a column; the mean of an error is the bias correction's to remove.
 */
export function expectedNoise({ readers, sources }: Group, scales: ArrayLike<number>): number {
  let total = 0;
  for (const reader of readers) {
    const { signal, noise } = readerNoise(reader, scales);
    let passedOn = 0;
    for (const source of sources) passedOn += sourceNoise(source, reader, scales);
    if (signal > 0) total += (noise + passedOn) / signal;
  }
  return total;
}

function readerNoise({ layer, magnitudes, ranges }: Reader, scales: ArrayLike<number>) {
  const { ins, largest, squares, taps, isDepthwise } = magnitudes;
  const columns = largest.length / Math.max(1, ins);
  const steps = new Float64Array(columns);
  let range = 0;
  let signal = 0;
  let weighed = 0;
  let spread = 0;
  let isSigned = false;
  for (let i = 0; i < ins; i++) {
    const s = scales[layer.ins![i]!]!;
    range = Math.max(range, ranges.largest[i]! / s);
    isSigned ||= ranges.smallest[i]! < 0;
    signal += ranges.variance[i]! * squares[i]!;
    weighed += s * s * squares[i]!;
    spread += ranges.variance[i]! / (s * s);
    for (let j = 0; j < columns; j++) steps[j] = Math.max(steps[j]!, largest[i * columns + j]! * s);
  }
  const step = range / (isSigned ? 127 : 255);
  let noise = (step * step * weighed) / 12;
  // A depthwise channel has a scale of its own: rounding its weights is the same whatever they are multiplied by.
  if (!isDepthwise) {
    const one = layer.node.op === 'MatMul' && columns > 1 ? sharedStep(steps, layer.outs, scales) : undefined;
    let sum = 0;
    for (let j = 0; j < columns; j++) sum += (one === undefined ? steps[j]! : one * scales[layer.outs[j]!]!) ** 2;
    noise += ((sum / 127 ** 2) * taps * spread) / 12;
  }
  return { signal, noise };
}

/** The step of weights that have one scale, as those of a matmul have whose result stays in int8. */
function sharedStep(steps: Float64Array, outs: Int32Array, scales: ArrayLike<number>): number {
  let most = 0;
  for (const [j, step] of steps.entries()) most = Math.max(most, step / scales[outs[j]!]!);
  return most;
}

/** What a reader makes of the rounding of the weights of a matmul before it, all of which have one scale. */
function sourceNoise({ layer, magnitudes, ranges }: Source, reader: Reader, scales: ArrayLike<number>): number {
  if (layer.node.op !== 'MatMul' || ranges === undefined) return 0;
  const { ins, outs, largest } = magnitudes;
  let step = 0;
  let spread = 0;
  for (let i = 0; i < ins; i++) {
    const s = scales[layer.ins![i]!]!;
    spread += ranges.variance[i]! / (s * s);
    for (let j = 0; j < outs; j++) step = Math.max(step, (largest[i * outs + j]! * s) / scales[layer.outs[j]!]!);
  }
  let weighed = 0;
  for (const [i, c] of reader.layer.ins!.entries()) weighed += scales[c]! ** 2 * reader.magnitudes.squares[i]!;
  return ((step / 127) ** 2 / 12) * spread * weighed;
}
