import { atNode } from '../../base/errors.ts';
import type { Tensor } from '../../base/tensor.ts';
import type { Compiled } from '../../compile/compile.ts';
import { contextLayout } from '../../compile/emit/context.ts';
import { type HostLayer, isValue } from '../../compile/layer.ts';
import type { Stage } from '../../compile/program.ts';
import type { ReferenceKernel } from '../../kernels/reference-kernel.ts';
import type { PlacedConstants } from './constants.ts';
import type { CodeBlock } from './host/code.ts';
import type { Host } from './host/host.ts';
import type { Team } from './host/team.ts';
import { type Scratch, scratchPool } from './scratch.ts';
import { checkFlags, clearFlags, putInputs, takeOutputs } from './transfer.ts';
import { clearHalo, readValue, writeValue } from './values.ts';

export type LoadOptions = {
  readonly host: Host;
  readonly threads: number;
  /** Given back with the program. */
  readonly constants: PlacedConstants;
  readonly reference: (op: string) => ReferenceKernel | undefined;
};

/** A compiled segment in executable memory. Runs may overlap: each has memory of its own. */
export type Loaded = {
  readonly compiled: Compiled;
  /** On tensors of the segment's inputs; gives its outputs. Throws the signal's reason when it is aborted. */
  readonly run: (inputs: readonly Tensor[], signal?: AbortSignal) => Promise<readonly Tensor[]>;
  readonly runSync: (inputs: readonly Tensor[]) => readonly Tensor[];
  /** Runs part by part and gives the milliseconds of each: for profiles of programs compiled stage by stage. */
  readonly time: (inputs: readonly Tensor[]) => readonly number[];
  /** Gives memory back, as soon as no run uses it. */
  readonly release: () => void;
};

/** A part of a program, ready to run. Small ones run at once: waking another thread would take longer. */
type Task = { readonly team: Team; readonly isSmall: boolean } | { readonly layer: HostLayer };

export function loadProgram(compiled: Compiled, options: LoadOptions): Loaded {
  const { host, threads } = options;
  const block = host.code(compiled.code.bytes);
  const tasks = tasksOf(compiled, block, options);
  const { images } = compiled.code;
  const imageTeam = images === undefined ? undefined : host.team(block.bind('void(ctx)', images), threads);
  const pool = scratchPool({ ...options, compiled });
  const start = (inputs: readonly Tensor[]): Scratch => {
    const scratch = pool.take(compiled.images === undefined ? 1 : inputs[0]!.shape[0]!);
    try {
      scratch.control.view(Uint32Array, contextLayout.cancel).set(scratch.begin);
      clearFlags(compiled, scratch);
      putInputs(compiled, scratch, inputs);
      return scratch;
    } catch (error) {
      pool.give(scratch);
      throw error;
    }
  };
  const finish = (task: Task, scratch: Scratch): void => {
    if ('team' in task) task.team.run(scratch.control.address);
    else runHost(compiled, task.layer, scratch, options);
  };
  const during = <T>(inputs: readonly Tensor[], work: (scratch: Scratch) => T): T => {
    const scratch = start(inputs);
    try {
      return work(scratch);
    } finally {
      pool.give(scratch);
    }
  };
  return {
    compiled,
    run: async (inputs, signal) => {
      signal?.throwIfAborted();
      const scratch = start(inputs);
      const cancel = () => cancelRun(scratch);
      signal?.addEventListener('abort', cancel, { once: true });
      try {
        if (scratch.batch !== undefined) await imageTeam!.runAsync(scratch.control.address);
        else
          for (const task of tasks) {
            if ('team' in task && !task.isSmall) await task.team.runAsync(scratch.control.address);
            else finish(task, scratch);
            signal?.throwIfAborted();
          }
        signal?.throwIfAborted();
        checkFlags(compiled, scratch);
        return takeOutputs(compiled, scratch);
      } finally {
        signal?.removeEventListener('abort', cancel);
        pool.give(scratch);
      }
    },
    runSync: (inputs) =>
      during(inputs, (scratch) => {
        if (scratch.batch !== undefined) imageTeam!.run(scratch.control.address);
        else for (const task of tasks) finish(task, scratch);
        checkFlags(compiled, scratch);
        return takeOutputs(compiled, scratch);
      }),
    time: (inputs) => during(inputs, (scratch) => tasks.map((task) => timed(() => finish(task, scratch)))),
    release: () =>
      pool.release(() => {
        for (const task of tasks) if ('team' in task) task.team.release();
        imageTeam?.release();
        block.release();
        options.constants.release();
      }),
  };
}

function timed(work: () => void): number {
  const begin = performance.now();
  work();
  return performance.now() - begin;
}

function cancelRun({ control }: Scratch): void {
  control.view(Uint32Array, contextLayout.cancel, 1)[0] = 1;
}

function tasksOf({ program, code }: Compiled, block: CodeBlock, { host, threads }: LoadOptions): readonly Task[] {
  let native = 0;
  return program.parts.map((part): Task => {
    if (part.kind === 'host') return { layer: part.layer };
    const isSmall = isSmallWork(part.stages);
    const f = block.bind('void(ctx)', code.parts[native++]!);
    return { team: host.team(f, isSmall ? 1 : threads), isSmall };
  });
}

/** Whether a thread alone does the work in about the time that it takes to wake another: 50 µs. */
function isSmallWork(stages: readonly Stage[]): boolean {
  const macs = stages.flatMap((stage) => stage.steps).reduce((sum, step) => sum + step.macs, 0);
  const bytes = stages.reduce((sum, stage) => sum + stage.bytes, 0);
  return macs < 3e6 && bytes < 5e5;
}

function runHost({ program }: Compiled, layer: HostLayer, { arena }: Scratch, { reference }: LoadOptions): void {
  const inputs = layer.operands.map((operand) => {
    if (!isValue(operand)) return operand.tensor;
    const { dtype, shape } = program.values[operand.id]!;
    return readValue(arena, program.buffers[operand.id]!, dtype, shape);
  });
  const resources = { session: new Map(), run: new Map(), assets: new Map() };
  const outputs = atNode(layer.node, () => reference(layer.node.op)!(inputs, layer.node, resources));
  for (const [port, id] of layer.outputs.entries()) {
    clearHalo(arena, program.buffers[id]!);
    writeValue(arena, program.buffers[id]!, outputs[port]!);
  }
}
