import { UserError } from '../../base/errors.ts';
import type { Tensor } from '../../base/tensor.ts';
import type { Part } from '../../compile/program.ts';
import type { Node } from '../../graph/graph.ts';
import type { Model } from '../../graph/model.ts';
import type { Feeds } from '../../graph/runner.ts';
import type { BackendOptions } from '../backends.ts';
import { withIslands } from '../islands.ts';
import type { Action } from '../reference/actions.ts';
import { openHost } from './host/host.ts';
import type { Loaded } from './loaded.ts';
import { openOn, referenceKernel } from './open.ts';

/** What a part of a model costs: a stage of generated code, or a node that runs by its reference kernel. */
export type ProfileRow = {
  readonly node: string;
  readonly op: string;
  /** The kernel that computes it; 'reference' where there is none. */
  readonly kernel: string;
  /** Milliseconds; a tenth of the repeats took less. Higher shares measure what else the machine does. */
  readonly ms: number;
  /** Multiply-adds; 0 where nothing is counted. */
  readonly macs: number;
  /** Bytes of inputs, outputs and constants. */
  readonly bytes: number;
};

export type ProfileOptions = Pick<BackendOptions, 'threads' | 'isa'> & { readonly repeats?: number };

/**
 * Runs a model stage by stage and times each: a row a stage, in the order in which they run. One image at a time, so that
 * all threads share each stage. Throws `UserError` where this machine can't run generated code.
 */
export async function profile(
  model: Model,
  feeds: Feeds,
  { repeats = 20, ...options }: ProfileOptions = {},
): Promise<readonly ProfileRow[]> {
  const host = await openHost();
  if ('unavailable' in host) throw new UserError(host.unavailable);
  const fetches = model.outputs.map((output) => output.value);
  const rows: ProfileRow[] = [];
  const observe = (loaded: Loaded, inputs: readonly Tensor[]): void => {
    rows.push(...rowsOf(loaded, firstImages(loaded, inputs), repeats));
  };
  const own = (node: Node): Action | undefined => timedKernel(node, (row) => rows.push(row));
  const { runner, release } = await openOn(host, withIslands(model, fetches), fetches, { ...options, observe, own });
  try {
    await runner.run(feeds);
    return rows;
  } finally {
    release();
  }
}

/** A node's reference kernel with a watch. */
function timedKernel(node: Node, report: (row: ProfileRow) => void): Action | undefined {
  const kernel = referenceKernel(node.op);
  if (kernel === undefined) return undefined;
  const timed: typeof kernel = (inputs, of, resources) => {
    const begin = performance.now();
    const outputs = kernel(inputs, of, resources);
    const ms = performance.now() - begin;
    report({ node: of.name, op: of.op, kernel: 'reference', ms, macs: 0, bytes: bytesOf([...inputs, ...outputs]) });
    return outputs;
  };
  return { kind: 'kernel', kernel: timed };
}

const bytesOf = (tensors: readonly Tensor[]): number =>
  tensors.reduce((sum, { data }) => sum + ('byteLength' in data ? data.byteLength : 0), 0);

/** Programs of single images are timed on the first of a batch. */
function firstImages({ compiled }: Loaded, inputs: readonly Tensor[]): readonly Tensor[] {
  if (compiled.images === undefined) return inputs;
  return inputs.map((t) => {
    const size = t.data.length / t.shape[0]!;
    return { ...t, shape: [1, ...t.shape.slice(1)], data: (t.data as Uint8Array).subarray(0, size) } as Tensor;
  });
}

function rowsOf(loaded: Loaded, inputs: readonly Tensor[], repeats: number): readonly ProfileRow[] {
  loaded.time(inputs);
  const runs = Array.from({ length: repeats }, () => loaded.time(inputs));
  return loaded.compiled.program.parts.map((part, i) => rowOf(part, lowestDecile(runs.map((times) => times[i]!))));
}

function rowOf(part: Part, ms: number): ProfileRow {
  if (part.kind === 'host')
    return { node: part.layer.node.name, op: part.layer.node.op, kernel: 'reference', ms, macs: 0, bytes: 0 };
  const [stage] = part.stages;
  const { name, op, kernel, bytes, steps } = stage!;
  return { node: name, op, kernel, ms, macs: steps.reduce((sum, step) => sum + step.macs, 0), bytes };
}

const lowestDecile = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 10)]!;
