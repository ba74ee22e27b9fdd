import { numberOf, numbersOf } from '../../base/tensor.ts';
import type { Buffer, Step } from '../../kernels/native-kernel.ts';
import { fillStep } from '../emit/fill.ts';
import { borderStep, copyStep } from '../emit/move.ts';
import { bytesOfElement, type Choice, isNoHalo } from '../layer.ts';
import { addKernel, decline, type Lower, type LowerContext, tensorAt, type Value, valueAt } from './lowering.ts';
import { type Part, partOf } from './slice.ts';

type Pads = readonly { readonly before: number; readonly after: number }[];

/** Pad and PadV2 of up to four axes by constants. */
export const lowerPad: Lower = (context) => {
  const from = valueAt(context, 0);
  const flat = numbersOf(tensorAt(context, 1));
  const rank = from.shape.length;
  if (rank === 0 || rank > 4 || flat.length !== 2 * rank || flat.some((pad) => pad < 0))
    return decline(`it pads [${from.shape}] by [${flat}]`);
  const pads = from.shape.map((_, axis) => ({ before: flat[2 * axis]!, after: flat[2 * axis + 1]! }));
  const pattern = patternOf(context, from);
  const shape = from.shape.map((dim, axis) => dim + pads[axis]!.before + pads[axis]!.after);
  const { name } = context.node;
  const output = addKernel(context, {
    inputs: [from.id],
    dtype: from.dtype,
    shape,
    choose: ({ inputs: [input], output: to }) =>
      (pattern === 0 ? asBorder(name, input!, to, pads) : undefined) ?? inBoxes(name, input!, to, { pads, pattern }),
  });
  return [output];
};

/** The padded value's bits: 0, or that of PadV2. */
function patternOf(context: LowerContext, { dtype }: Value): number {
  if (context.node.op === 'Pad') return 0;
  const value = numberOf(tensorAt(context, 2));
  if (value === 0 && !Object.is(value, -0)) return 0;
  return dtype === 'float32' ? new Int32Array(Float32Array.of(value).buffer)[0]! : decline(`a padding of ${dtype}`);
}

/** Zeros around height and width: a copy into the middle, and its border. */
function asBorder(name: string, input: Buffer, output: Buffer, pads: Pads): Choice | undefined {
  const [n, h, w, c] = pads;
  if (pads.length !== 4 || n!.before + n!.after + c!.before + c!.after > 0) return undefined;
  const halo = { top: h!.before, bottom: h!.after, left: w!.before, right: w!.after };
  const { stride } = output;
  const offset = output.offset + halo.top * stride.h + halo.left * stride.w;
  const middle: Buffer = { ...output, offset, shape: input.shape, halo };
  const isOwn = stride.w === input.shape.c * bytesOfElement[output.type] && isNoHalo(output.halo) && !isNoHalo(halo);
  if (!isOwn) return undefined;
  return { kernel: 'pad', steps: () => [copyStep(name, input, middle), borderStep(name, middle)] };
}

/** The middle is copied, and what lies before and behind it along each axis filled: boxes that do not meet. */
function inBoxes(
  name: string,
  input: Buffer,
  output: Buffer,
  { pads, pattern }: { readonly pads: Pads; readonly pattern: number },
): Choice {
  const sizes = sizesOf(output, pads.length);
  const inner = pads.map(
    ({ before, after }, axis): Part => ({ start: before, size: sizes[axis]! - before - after, step: 1 }),
  );
  const steps: Step[] = [copyStep(name, input, partOf(output, inner)!)];
  for (const [axis, { before, after }] of pads.entries())
    for (const box of [
      { start: 0, size: before, step: 1 },
      { start: sizes[axis]! - after, size: after, step: 1 },
    ]) {
      if (box.size === 0) continue;
      const parts = sizes.map(
        (size, i): Part => (i < axis ? inner[i]! : i === axis ? box : { start: 0, size, step: 1 }),
      );
      if (parts.every(({ size }) => size > 0)) steps.push(fillStep(name, partOf(output, parts)!, pattern));
    }
  return { kernel: 'pad', steps: () => steps };
}

/** The sizes of a tensor's axes from the picture that it is. */
const sizesOf = ({ shape: { n, h, w, c } }: Buffer, rank: number): readonly number[] =>
  [[c], [n, c], [n, w, c], [n, h, w, c]][rank - 1]!;
