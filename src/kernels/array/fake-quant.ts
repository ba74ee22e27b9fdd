import { numbersOf, type Tensor, tensor } from '../../base/tensor.ts';
import { readAttr } from '../../graph/attr.ts';
import type { Node } from '../../graph/graph.ts';
import type { OpName } from '../../graph/ops/index.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';

const f32 = Math.fround;
type Range = { min: number; max: number; scale: number };

/** The range nudged so that zero is one of its steps (fake_quant_ops_functor.h), in float32 throughout. */
function nudged(min: number, max: number, lowest: number, highest: number): Range {
  const scale = f32(f32(max - min) / (highest - lowest));
  const zeroFromMin = f32(lowest - f32(min / scale));
  const zero = zeroFromMin < lowest ? lowest : zeroFromMin > highest ? highest : Math.floor(f32(zeroFromMin) + 0.5);
  return { min: f32((lowest - zero) * scale), max: f32((highest - zero) * scale), scale };
}

/** Rounds `inputs` to the steps of its channel's range; `ranges[c]` is for element c of the last axis. */
function fakeQuant(inputs: Tensor, mins: readonly number[], maxs: readonly number[], node: Node): Tensor {
  const lowest = readAttr(node, 'narrow_range', 'bool', false) ? 1 : 0;
  const highest = 2 ** readAttr(node, 'num_bits', 'int', 8) - 1;
  const ranges = mins.map((min, c) =>
    min === 0 && maxs[c] === 0 ? undefined : nudged(min, maxs[c]!, lowest, highest),
  );
  const x = inputs.data as Float32Array;
  const out = new Float32Array(x.length);
  for (let i = 0; i < x.length; i++) {
    const range = ranges[i % ranges.length];
    if (range === undefined) continue;
    const shifted = f32(Math.min(Math.max(x[i]!, range.min), range.max) - range.min);
    const step = Math.floor(f32(f32(shifted * f32(1 / range.scale)) + 0.5));
    out[i] = f32(step * range.scale) + range.min;
  }
  return tensor('float32', inputs.shape, out);
}

export const fakeQuantKernels = {
  FakeQuantWithMinMaxArgs: ([x], node) => [
    fakeQuant(x!, [f32(readAttr(node, 'min', 'float', -6))], [f32(readAttr(node, 'max', 'float', 6))], node),
  ],
  FakeQuantWithMinMaxVars: ([x, min, max], node) => [fakeQuant(x!, numbersOf(min!), numbersOf(max!), node)],
  FakeQuantWithMinMaxVarsPerChannel: ([x, min, max], node) => [fakeQuant(x!, numbersOf(min!), numbersOf(max!), node)],
} satisfies Partial<Record<OpName, ReferenceKernel>>;
