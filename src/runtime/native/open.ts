import { UserError } from '../../base/errors.ts';
import { isFullShape } from '../../base/shape.ts';
import { internalReference } from '../../compile/internal.ts';
import { partition, segmentOp } from '../../compile/partition.ts';
import type { Value } from '../../graph/graph.ts';
import { sameValue } from '../../graph/graph.ts';
import type { Endpoint, Model } from '../../graph/model.ts';
import type { OpenRunner } from '../../graph/runner.ts';
import { isKnownOp } from '../../graph/signature.ts';
import { reference } from '../../kernels/reference.ts';
import type { ReferenceKernel } from '../../kernels/reference-kernel.ts';
import type { BackendOptions, BackendRunner } from '../backends.ts';
import { threadsOf } from '../options.ts';
import type { OwnActions } from '../reference/actions.ts';
import { execute } from '../reference/execute.ts';
import { metronome, openReference } from '../reference/open.ts';
import { openProgram } from '../reference/program.ts';
import { type Host, openHost } from './host/host.ts';
import { type OpenSegment, openSegment, type SegmentOptions } from './segments.ts';

/** The reference kernel of any op that has one, octet's own included. */
export function referenceKernel(op: string): ReferenceKernel | undefined {
  const entry = isKnownOp(op) ? reference[op] : undefined;
  return typeof entry === 'function' ? entry : internalReference(op);
}

/** Lets the executor run octet's own ops by their reference kernels. */
export const internalActions: OwnActions = (node) => {
  const kernel = internalReference(node.op);
  return kernel && { kind: 'kernel', kernel };
};

/**
 * Runs a model's convolutions, matrix products and what lies between them by generated code, and the rest, control flow
 * included, by the reference executor around it. Segments whose input shapes are known are compiled now, the others when
 * they first run. Throws `UserError` where this machine can't run generated code.
 */
export async function openNativeRunner(
  model: Model,
  fetches: readonly Value[],
  options: BackendOptions,
): Promise<BackendRunner> {
  const host = await openHost();
  if ('unavailable' in host) throw new UserError(host.unavailable);
  const { runner, segments, release } = await openOn(host, model, fetches, options);
  prepareKnown(segments, model.inputs);
  return { run: runner.run, runSync: runner.runSync, dispose: release };
}

/** The same, where only the interface is known: for calibration and evaluation. */
export const openNative: OpenRunner = (model, fetches) => openNativeRunner(model, fetches, {});

export type Watch = Pick<SegmentOptions, 'observe'> & { readonly own?: OwnActions };

type Opened = {
  readonly runner: Awaited<ReturnType<typeof openReference>>;
  readonly segments: readonly { readonly inputs: readonly Value[]; readonly open: OpenSegment }[];
  readonly release: () => void;
};

/** Opens a model on a host. `observe` is told of each run of a program; `own` comes before the reference kernels. */
export async function openOn(
  host: Host,
  model: Model,
  fetches: readonly Value[],
  { threads, isa, observe, own = internalActions, signal }: Pick<BackendOptions, 'threads' | 'isa' | 'signal'> & Watch,
): Promise<Opened> {
  const fed = model.inputs.map((input) => input.value);
  const parts = partition(model.graph, fed, fetches, model.initializers);
  const settings: SegmentOptions = {
    host,
    isa: host.isa(isa),
    threads: threadsOf(threads, () => host.threads),
    reference: referenceKernel,
    observe,
    interpret: (segment, inputs, mode) => {
      const program = openProgram(segment.graph, internalActions);
      const resources = { session: new Map(), run: new Map(), assets: new Map() };
      const plan = program.plan(segment.inputs, segment.outputs);
      const { functionPlan } = program;
      return execute(plan, inputs, { resources, functionPlan, isDue: metronome(), ...mode });
    },
  };
  const open = new Map([...parts.segments].map(([name, segment]) => [name, openSegment(segment, settings)]));
  const actionOf: OwnActions = (node) => {
    const segment = node.op === segmentOp ? open.get(node.name) : undefined;
    return segment === undefined ? own(node) : { kind: 'call', rule: segment.rule };
  };
  const runner = await openReference({ ...model, graph: parts.graph }, parts.fetches, actionOf, signal);
  const release = (): void => {
    runner.dispose();
    for (const segment of open.values()) segment.release();
  };
  const segments = [...parts.segments].map(([name, { inputs }]) => ({ inputs, open: open.get(name)! }));
  return { runner, segments, release };
}

/** Compiles the segments that read nothing but inputs of the model with shapes that are known but for the batch. */
function prepareKnown(segments: Opened['segments'], ends: readonly Endpoint[]): void {
  for (const { inputs, open } of segments) {
    const types = inputs.map((v) => {
      const end = ends.find((candidate) => sameValue(candidate.value, v));
      const shape = end?.shape?.map((dim, axis) => (axis === 0 ? (dim ?? 1) : dim));
      return end === undefined || shape === undefined || !isFullShape(shape) ? undefined : { dtype: end.dtype, shape };
    });
    if (!types.every((type) => type !== undefined)) continue;
    try {
      open.prepare(types);
    } catch (error) {
      // A batch of one may be the wrong one for it; what is wrong with all of them is said when it runs.
      if (!(error instanceof UserError)) throw error;
    }
  }
}
