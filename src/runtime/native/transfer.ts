import { UserError } from '../../base/errors.ts';
import { sizeOf } from '../../base/shape.ts';
import { bytesOf, type Tensor, tensorOver } from '../../base/tensor.ts';
import type { Compiled } from '../../compile/compile.ts';
import { isValue } from '../../compile/layer.ts';
import type { Scratch } from './scratch.ts';
import { readValue, writeValue } from './values.ts';

/** Copies a segment's inputs to where its program reads them. */
export function putInputs({ program, images }: Compiled, scratch: Scratch, inputs: readonly Tensor[]): void {
  if (scratch.batch === undefined) {
    for (const [i, id] of program.inputs.entries()) writeValue(scratch.arena, program.buffers[id]!, inputs[i]!);
    return;
  }
  const record = images!.inputs;
  const view = scratch.batch.inputs.view(Uint8Array);
  for (const [i, { at, bytes }] of record.fields.entries()) {
    const source = bytesOf(inputs[i]!);
    // The only value of its images: they lie in the record as in the tensor.
    if (record.bytes === bytes) view.set(source, at);
    else
      for (let n = 0; n < scratch.images; n++)
        view.set(source.subarray(n * bytes, (n + 1) * bytes), n * record.bytes + at);
  }
}

/** A program's outputs as tensors of their own: nothing of an arena may reach users. */
export function takeOutputs({ program, images }: Compiled, scratch: Scratch): readonly Tensor[] {
  let field = 0;
  return program.outputs.map((operand) => {
    if (!isValue(operand)) return operand.tensor;
    const { dtype, shape } = program.values[operand.id]!;
    if (scratch.batch === undefined) return readValue(scratch.arena, program.buffers[operand.id]!, dtype, shape);
    const record = images!.outputs;
    const { at, bytes } = record.fields[field++]!;
    const view = scratch.batch.outputs.view(Uint8Array);
    const full = [scratch.images, ...shape.slice(1)];
    const data = new Uint8Array((sizeOf(full) / sizeOf(shape)) * bytes);
    for (let n = 0; n < scratch.images; n++)
      data.set(view.subarray(n * record.bytes + at, n * record.bytes + at + bytes), n * bytes);
    return tensorOver(dtype, full, data.buffer);
  });
}

/** The words of each thread's arena that tell of NaN, with the node that met it. */
function flagsOf({ program }: Compiled, { arena }: Scratch) {
  const words = arena.view(Uint32Array);
  const arenas = arena.bytes / program.arenaBytes;
  return program.nanFlags.flatMap(({ node, offset }) =>
    Array.from({ length: arenas }, (_, i) => ({ node, words, at: (i * program.arenaBytes + offset) / 4 })),
  );
}

export function clearFlags(compiled: Compiled, scratch: Scratch): void {
  for (const { words, at } of flagsOf(compiled, scratch)) words[at] = 0;
}

/** Throws `UserError` naming the node where a quantizer has met NaN. */
export function checkFlags(compiled: Compiled, scratch: Scratch): void {
  const met = flagsOf(compiled, scratch).find(({ words, at }) => words[at] !== 0);
  if (met === undefined) return;
  const place = { node: met.node.name, op: met.node.op };
  throw new UserError('NaN has no code', place, 'exclude the node that makes it');
}
