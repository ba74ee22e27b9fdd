import { UserError } from '../base/errors.ts';
import { debug } from '../base/flags.ts';
import { sameShape } from '../base/shape.ts';
import type { Buffer, Isa } from '../kernels/native-kernel.ts';
import { type Code, emitProgram, type Field, type ImageRecord, type ImageRecords } from './emit/driver.ts';
import { bytesOfElement, isValue, type Layers, type Val } from './layer.ts';
import { type LowerOptions, lowerSegment, Unplannable } from './lower/lower.ts';
import { type Part, type Program, planProgram, type Shared } from './program.ts';
import type { Segment } from './segment.ts';

export type CompileOptions = LowerOptions & {
  readonly isa: Isa;
  /** Constants of programs made before from the same model. */
  readonly shared?: Shared | undefined;
  /** Makes each stage a part of its own, so that it can be timed. */
  readonly stagewise?: boolean;
};

/** A segment made ready to run for certain shapes of its inputs. */
export type Compiled = {
  readonly program: Program;
  readonly code: Code;
  /**
   * Where the program computes one image of a batch, whatever its size: how images' inputs and outputs are passed. Absent
   * where it computes exactly the shapes that it was made for.
   */
  readonly images: ImageRecords | undefined;
};

/**
 * Compiles a segment for inputs of these types. Where every value has one slice an image (its first axis) the program is
 * that of a single image: threads then take whole images, whose activations stay in their own caches, and the program
 * serves batches of any size. Throws `Unplannable` where shapes depend on what is computed.
 */
export function compileSegment(segment: Segment, inputs: readonly Val[], options: CompileOptions): Compiled {
  const started = performance.now();
  const one = perImage(segment, inputs, options);
  const planned = one && planProgram(one, options.isa, options.shared);
  const isPerImage = planned?.parts.length === 1 && planned.parts[0]!.kind === 'native';
  const layers = isPerImage ? one! : lowerSegment(segment, inputs, options);
  const whole = isPerImage ? planned! : planProgram(layers, options.isa, options.shared);
  const program = options.stagewise === true ? stagewise(whole) : whole;
  const images = isPerImage ? recordsOf(program) : undefined;
  const code = emitProgram(program, images);
  debug(1, () => {
    const ms = (performance.now() - started).toFixed(0);
    const stages = program.parts.flatMap((part) => (part.kind === 'native' ? part.stages : []));
    const sizes = `${code.bytes.length >> 10} KB of code, ${program.constantBytes >> 10} KB of constants`;
    return `compiled ${segment.name} in ${ms} ms: ${stages.length} stages, ${program.parts.length} parts, ${sizes}, an arena of ${program.arenaBytes >> 10} KB`;
  });
  return { program, code, images };
}

/** The layers for a single image, if the segment computes each image of a batch by itself. */
function perImage(segment: Segment, inputs: readonly Val[], options: CompileOptions): Layers | undefined {
  if (inputs.length === 0 || inputs.some(({ shape }) => shape.length === 0 || shape[0] !== inputs[0]!.shape[0]))
    return undefined;
  const batchOf = (n: number) => inputs.map(({ dtype, shape }) => ({ dtype, shape: [n, ...shape.slice(1)] }));
  const one = lowered(segment, batchOf(1), options);
  // Rows of a matrix product belong together: they share the weights.
  if (one === undefined || !one.values.some(({ shape }) => shape.length === 4 && shape[1]! * shape[2]! > 1))
    return undefined;
  const two = lowered(segment, batchOf(2), options);
  if (two === undefined) return undefined;
  const isSliced = one.values.every(({ shape }, i) => {
    const other = two.values[i]?.shape ?? [];
    return shape[0] === 1 && other[0] === 2 && sameShape(shape.slice(1), other.slice(1));
  });
  const isSame = one.layers.length === two.layers.length && one.values.length === two.values.length;
  return isSliced && isSame ? one : undefined;
}

/** The layers for inputs of another batch, or undefined where the graph is made for one batch: a Reshape to fixed sizes. */
function lowered(segment: Segment, inputs: readonly Val[], options: CompileOptions): Layers | undefined {
  try {
    return lowerSegment(segment, inputs, options);
  } catch (error) {
    if (error instanceof UserError || error instanceof Unplannable) return undefined;
    throw error;
  }
}

const stagewise = (program: Program): Program => ({
  ...program,
  parts: program.parts.flatMap((part): Part[] =>
    part.kind === 'host' ? [part] : part.stages.map((stage) => ({ kind: 'native', stages: [stage] })),
  ),
});

function recordsOf({ buffers, inputs, outputs }: Program): ImageRecords {
  const ids = outputs.flatMap((operand) => (isValue(operand) ? [operand.id] : []));
  return { inputs: recordOf(inputs.map((id) => buffers[id]!)), outputs: recordOf(ids.map((id) => buffers[id]!)) };
}

/** Values of an image one behind the other: a single value's images then lie as in its tensor. */
function recordOf(buffers: readonly Buffer[]): ImageRecord {
  let bytes = 0;
  const fields = buffers.map(({ offset, shape, type }): Field => {
    const at = bytes;
    const size = shape.n * shape.h * shape.w * shape.c * bytesOfElement[type];
    bytes += size;
    return { at, arena: offset, bytes: size };
  });
  return { bytes, fields };
}
