import { InternalError } from '../base/errors.ts';
import { debug } from '../base/flags.ts';
import type { Node } from '../graph/graph.ts';
import type { Buffer, Isa, Step } from '../kernels/native-kernel.ts';
import { type Allowed, checkStep, overread, type Region, widened } from './check.ts';
import { borderStep, copyStep } from './emit/move.ts';
import { nanStep } from './emit/scan.ts';
import {
  bytesOfElement,
  type HostLayer,
  type Layer,
  type Layers,
  type Operand,
  type Val,
  type ValueId,
} from './layer.ts';
import { type Legal, legalize } from './legalize.ts';
import { Unplannable } from './lower/lower.ts';
import { alignUp } from './memory.ts';
import { layOut, type Storage } from './storage.ts';

/** Steps that may run at once: all tiles of all of them are done before the next stage begins. */
export type Stage = {
  readonly name: string;
  readonly op: string;
  readonly kernel: string;
  readonly steps: readonly Step[];
  /** What its steps may touch. */
  readonly allowed: readonly Allowed[];
  /** Bytes of activations and constants that a run of it reads and writes at least, for profiles. */
  readonly bytes: number;
};

/** A part of a program: stages that run in one native call, or a node that runs by its reference kernel. */
export type Part =
  | { readonly kind: 'native'; readonly stages: readonly Stage[] }
  | { readonly kind: 'host'; readonly layer: HostLayer };

/** Constants of one layer as its kernel packed them. */
export type Constant = {
  readonly node: string;
  readonly kernel: string;
  readonly bytes: Uint8Array;
  readonly offset: number;
};

/** Constants of programs made before: the offset of those that are the same, or undefined. */
export type Shared = {
  readonly find: (node: string, kernel: string, bytes: Uint8Array) => number | undefined;
  readonly bytes: number;
};

/** A segment for certain shapes, planned: all that running it needs but the code. */
export type Program = {
  readonly parts: readonly Part[];
  readonly values: readonly Val[];
  readonly buffers: readonly Buffer[];
  readonly inputs: readonly ValueId[];
  readonly outputs: readonly Operand[];
  readonly arenaBytes: number;
  /** Those that have to be stored; none where all are shared. */
  readonly constants: readonly Constant[];
  readonly constantBytes: number;
  readonly isShared: boolean;
  /** Words of the arena that are zero unless a node has met a NaN that it can't compute with; several may share one. */
  readonly nanFlags: readonly { readonly node: Node; readonly offset: number }[];
};

type Planned = { readonly legal: Legal; readonly storage: Storage };

/** Generated code reaches the arena by signed 32-bit displacements. */
const maxArena = 2 ** 31 - 1;

/**
 * Plans memory and chooses kernels. A layer that no kernel takes runs by its reference kernel; where the reason may be that
 * it writes into a concat, it is tried apart from it first. Throws `Unplannable` where values take more than 2 GiB.
 */
export function planProgram(layers: Layers, isa: Isa, shared?: Shared): Program {
  const apart = new Set<ValueId>();
  for (;;) {
    const legal = legalize(layers, apart);
    const storage = layOut(legal);
    if (!(storage.bytes <= maxArena)) throw new Unplannable(`its values take ${storage.bytes} bytes`);
    const before = apart.size;
    const store = constantStore(shared);
    const program = build({ legal, storage }, layers, isa, { apart, store });
    if (apart.size > before) continue;
    return program.isShared && program.constants.length > 0 ? planProgram(layers, isa) : program;
  }
}

/** Where constants are put: those that are shared where they lie already, others one behind the other. */
function constantStore(shared: Shared | undefined) {
  const added: Constant[] = [];
  let end = 0;
  const put = (node: string, kernel: string, bytes: Uint8Array): number => {
    if (bytes.length === 0) return 0;
    const known = shared?.find(node, kernel, bytes);
    if (known !== undefined) return known;
    const offset = end;
    added.push({ node, kernel, bytes, offset });
    end = alignUp(offset + bytes.length);
    return offset;
  };
  return { put, added, isShared: shared !== undefined, bytes: () => shared?.bytes ?? end + overread };
}

type Building = { readonly apart: Set<ValueId>; readonly store: ReturnType<typeof constantStore> };

function build({ legal, storage }: Planned, layers: Layers, isa: Isa, { apart, store }: Building): Program {
  const parts: Part[] = [];
  const nanFlags: { node: Node; offset: number }[] = [];
  for (const [i, layer] of legal.layers.entries()) {
    const made = implement(layer, { legal, storage, isa, put: store.put, borders: storage.borders[i]!, nanFlags });
    if (made === undefined) continue;
    if ('stage' in made) addStage(parts, made.stage);
    else {
      const parent = legal.parents.get(made.host.outputs[0]!);
      if (parent?.kind === 'part') apart.add(made.host.outputs[0]!);
      parts.push({ kind: 'host', layer: made.host });
    }
  }
  return {
    parts,
    values: legal.values,
    buffers: storage.buffers,
    inputs: layers.inputs,
    outputs: layers.outputs,
    arenaBytes: storage.bytes,
    constants: store.added,
    constantBytes: store.bytes(),
    isShared: store.isShared,
    nanFlags,
  };
}

function addStage(parts: Part[], stage: Stage): void {
  const last = parts.at(-1);
  if (last?.kind === 'native') (last.stages as Stage[]).push(stage);
  else parts.push({ kind: 'native', stages: [stage] });
}

/** Refuses a program of which any step would touch what is not its own. */
export function checkProgram({ parts, arenaBytes, constantBytes }: Program): void {
  const sizes = { arena: arenaBytes, constants: constantBytes };
  for (const part of parts)
    if (part.kind === 'native')
      for (const { steps, allowed } of part.stages)
        for (const [i, step] of steps.entries()) {
          const own = allowed[i];
          if (own === undefined) throw new InternalError(`the step ${step.name} may touch nothing`);
          const reads = own.reads.map((region) => widened(region, sizes[region.base]));
          checkStep(step, { reads, writes: own.writes }, sizes);
        }
}

type Scene = Planned & {
  readonly isa: Isa;
  readonly put: (node: string, kernel: string, bytes: Uint8Array) => number;
  readonly borders: readonly ValueId[];
  readonly nanFlags: { node: Node; offset: number }[];
};

/** The stage that computes a layer, or the host layer that does; nothing for what needs no work. */
function implement(layer: Layer, scene: Scene): { stage: Stage } | { host: HostLayer } | undefined {
  const { storage } = scene;
  const regions = (ids: readonly ValueId[]): Region[] => ids.map((id) => storage.regions[id]!);
  const borders = scene.borders.map((id) => ({
    step: borderStep(`${layer.node.name}/border`, storage.buffers[id]!),
    allowed: { reads: [], writes: regions([id]) },
  }));
  const stage = (kernel: string, main: readonly { step: Step; allowed: Allowed }[], bytes: number) => {
    const all = [...main, ...borders];
    const { name, op } = layer.node;
    return { stage: { name, op, kernel, steps: all.map((x) => x.step), allowed: all.map((x) => x.allowed), bytes } };
  };
  const bytes = (ids: readonly ValueId[]) => ids.reduce((sum, id) => sum + bytesOfBuffer(storage.buffers[id]!), 0);
  if (layer.kind === 'host') return { host: layer };
  if (layer.kind === 'alias') return undefined;
  if (layer.kind === 'concat') {
    const copies = concatCopies(layer.inputs, layer.output, scene);
    if (copies.length === 0 && borders.length === 0) return undefined;
    const main = copies.map(({ id, to }) => ({
      step: copyStep(layer.node.name, storage.buffers[id]!, to),
      allowed: { reads: regions([id]), writes: regions([layer.output]) },
    }));
    return stage('copy', main, 2 * bytes(copies.map(({ id }) => id)));
  }
  const inputs = layer.inputs.map((id) => storage.buffers[id]!);
  const choice = layer.choose({ inputs, output: storage.buffers[layer.output]!, isa: scene.isa });
  if ('whyNot' in choice) {
    debug(2, () => `${layer.node.name} (${layer.node.op}) runs by its reference kernel: ${choice.whyNot}`);
    return { host: { ...layer, kind: 'host', outputs: [layer.output] } };
  }
  const packed = choice.pack?.() ?? new Uint8Array(0);
  const offset = scene.put(layer.node.name, choice.kernel, packed);
  const constants: Region = { base: 'constants', begin: offset, end: offset + packed.length };
  const allowed = { reads: [...regions(layer.inputs), constants], writes: regions([layer.output]) };
  const main = choice.steps(offset).map((step) => ({ step, allowed }));
  if (layer.refusesNan === true) {
    const { begin, end } = storage.flags;
    const flag = begin + Math.min(4 * scene.nanFlags.length, end - begin - 4);
    scene.nanFlags.push({ node: layer.node, offset: flag });
    const own = { reads: regions(layer.inputs), writes: [storage.flags] };
    main.push({ step: nanStep(`${layer.node.name}/nan`, inputs[0]!, flag), allowed: own });
  }
  return stage(choice.kernel, main, bytes([...layer.inputs, layer.output]) + packed.length);
}

const bytesOfBuffer = ({ shape: { n, h, w, c }, type }: Buffer): number => n * h * w * c * bytesOfElement[type];

/** The parts of a concat that their producers did not write in place, and where they belong. */
function concatCopies(inputs: readonly ValueId[], output: ValueId, { legal, storage }: Planned) {
  const whole = storage.buffers[output]!;
  let channel = 0;
  return inputs.flatMap((id) => {
    const from = storage.buffers[id]!;
    const isThere = legal.parents.get(id)?.kind === 'part' && legal.parents.get(id)?.value === output;
    const to: Buffer = { ...whole, shape: from.shape, offset: whole.offset + channel * bytesOfElement[whole.type] };
    channel += from.shape.c;
    return isThere ? [] : [{ id, to }];
  });
}
