import { debug } from '../../base/flags.ts';
import { sameShape, sizeOf } from '../../base/shape.ts';
import type { Tensor } from '../../base/tensor.ts';
import { compileSegment } from '../../compile/compile.ts';
import type { Val } from '../../compile/layer.ts';
import { Unplannable } from '../../compile/lower/lower.ts';
import type { Segment } from '../../compile/segment.ts';
import type { Isa } from '../../kernels/native-kernel.ts';
import type { ReferenceKernel } from '../../kernels/reference-kernel.ts';
import type { CallRule, Run } from '../reference/actions.ts';
import type { Mode } from '../reference/execute.ts';
import { type Constants, openConstants } from './constants.ts';
import type { Host } from './host/host.ts';
import { type Loaded, loadProgram } from './loaded.ts';

export type SegmentOptions = {
  readonly host: Host;
  readonly isa: Isa;
  readonly threads: number;
  readonly reference: (op: string) => ReferenceKernel | undefined;
  /** Runs a segment whose shapes can't be known before it runs. */
  readonly interpret: (segment: Segment, inputs: readonly Tensor[], mode: Mode) => Run<readonly Tensor[]>;
  /** For profiles: is told of each run of a program, which is then made stage by stage. */
  readonly observe?: ((loaded: Loaded, inputs: readonly Tensor[]) => void) | undefined;
};

/** A segment with the programs that were made of it, one for each set of input shapes. */
export type OpenSegment = {
  /** Runs it, as a node of the reference executor. */
  readonly rule: CallRule;
  /** The program for these inputs, compiled unless it is there; undefined where there can be none. */
  readonly prepare: (inputs: readonly Val[]) => Loaded | undefined;
  /** Gives memory back when no run uses it any more. */
  readonly release: () => void;
};

/** Programs kept for one segment; beyond that the least recently used one goes. */
const maxPrograms = 8;

type Entry = { readonly inputs: readonly Val[]; readonly loaded: Loaded | undefined };

export function openSegment(segment: Segment, options: SegmentOptions): OpenSegment {
  const entries: Entry[] = [];
  const constants = openConstants(options.host);
  const prepare = (inputs: readonly Val[]): Loaded | undefined => {
    // Nothing to compute: no program has tiles or images for that.
    if (inputs.some(({ shape }) => sizeOf(shape) === 0)) return undefined;
    const at = entries.findIndex((entry) => fits(entry, inputs));
    const entry = at >= 0 ? entries.splice(at, 1)[0]! : { inputs, loaded: make(segment, inputs, options, constants) };
    entries.push(entry);
    if (entries.length > maxPrograms) entries.shift()!.loaded?.release();
    return entry.loaded;
  };
  function* rule(...[inputs, , { isSync, signal }]: Parameters<CallRule>): ReturnType<CallRule> {
    const loaded = prepare(inputs.map(({ dtype, shape }) => ({ dtype, shape })));
    if (loaded === undefined) return yield* options.interpret(segment, inputs, { isSync, signal });
    options.observe?.(loaded, inputs);
    if (isSync) return loaded.runSync(inputs);
    let outcome: readonly Tensor[] = [];
    let failure: { readonly error: unknown } | undefined;
    yield loaded.run(inputs, signal).then(
      (outputs) => {
        outcome = outputs;
      },
      (error: unknown) => {
        failure = { error };
      },
    );
    if (failure !== undefined) throw (failure as { readonly error: unknown }).error;
    return outcome;
  }
  return {
    rule,
    prepare,
    release: () => {
      for (const { loaded } of entries.splice(0)) loaded?.release();
    },
  };
}

function make(
  segment: Segment,
  inputs: readonly Val[],
  options: SegmentOptions,
  constants: Constants,
): Loaded | undefined {
  const { isa, reference, observe } = options;
  try {
    const compiled = compileSegment(segment, inputs, {
      isa,
      reference,
      shared: constants.shared(),
      stagewise: observe !== undefined,
    });
    const placed = constants.place(compiled.program);
    // They are in the arena now: a second copy of all weights would stay as long as the program.
    const program = { ...compiled.program, constants: [] };
    try {
      return loadProgram({ ...compiled, program }, { ...options, constants: placed });
    } catch (error) {
      placed.release();
      throw error;
    }
  } catch (error) {
    if (!(error instanceof Unplannable)) throw error;
    debug(1, () => `${segment.name} runs by reference kernels: ${error.message}`);
    return undefined;
  }
}

/** Whether a program was made for these inputs, or computes single images of which these are batches. */
function fits({ inputs, loaded }: Entry, wanted: readonly Val[]): boolean {
  const isBatched = loaded?.compiled.images !== undefined;
  const [first] = wanted;
  return inputs.every(({ dtype, shape }, i) => {
    const other = wanted[i]!;
    if (dtype !== other.dtype || shape.length !== other.shape.length) return false;
    if (!isBatched) return sameShape(shape, other.shape);
    return other.shape[0] === first!.shape[0] && sameShape(shape.slice(1), other.shape.slice(1));
  });
}
