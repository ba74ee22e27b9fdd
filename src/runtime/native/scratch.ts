import type { Compiled } from '../../compile/compile.ts';
import { contextLayout, controlOf } from '../../compile/emit/context.ts';
import type { Arena } from './host/arena.ts';
import type { Host } from './host/host.ts';

/** The memory of one run. */
export type Scratch = {
  /** Arenas of a program, one behind the other; where each thread takes images it has one for each that it takes at once. */
  readonly arena: Arena;
  /** What generated code finds at `ctx`; from `contextLayout.cancel` on a run begins with the words `begin`. */
  readonly control: Arena;
  readonly begin: Uint32Array<ArrayBuffer>;
  readonly images: number;
  /** Inputs and outputs of a batch of images. */
  readonly batch: { readonly inputs: Arena; readonly outputs: Arena } | undefined;
};

/** Scratch memory of a program: each run has its own, which the next of the same size takes over. */
export type ScratchPool = {
  readonly take: (images: number) => Scratch;
  readonly give: (scratch: Scratch) => void;
  /** Gives all back, as soon as no run has any; calls `then` after that. */
  readonly release: (then: () => void) => void;
};

export type ScratchOptions = {
  readonly host: Host;
  readonly compiled: Compiled;
  readonly threads: number;
  readonly constants: { readonly address: number };
};

export function scratchPool(options: ScratchOptions): ScratchPool {
  const free: Scratch[] = [];
  let inUse = 0;
  let released: (() => void) | undefined;
  const end = (): void => {
    for (const scratch of free.splice(0)) drop(scratch);
    if (inUse === 0) released?.();
  };
  return {
    take: (images) => {
      const at = free.findIndex((scratch) => scratch.images === images);
      const known = at < 0 ? undefined : free.splice(at, 1)[0];
      // Of other batch sizes nothing is kept.
      if (known === undefined) for (const scratch of free.splice(0)) drop(scratch);
      const scratch = known ?? allocate(images, options);
      inUse++;
      return scratch;
    },
    give: (scratch) => {
      inUse--;
      free.push(scratch);
      if (released !== undefined) end();
    },
    release: (then) => {
      if (released !== undefined) return;
      released = then;
      end();
    },
  };
}

function allocate(count: number, { host, compiled, threads, constants }: ScratchOptions): Scratch {
  const { program, images } = compiled;
  const { words, shares } = controlOf(program.parts, threads);
  // Every thread claims twice at least, since one may be slower than others.
  const group = Math.max(1, Math.min(compiled.code.group, Math.floor(count / (2 * threads))));
  const arenas = Math.min(threads, count);
  const isBatch = images !== undefined && count > 1;
  const sizes = [
    contextLayout.cancel + words.byteLength,
    program.arenaBytes * arenas * group,
    ...(isBatch ? [images.inputs.bytes, images.outputs.bytes].map((bytes) => Math.max(64, count * bytes)) : []),
  ];
  const [control, arena, inputs, outputs] = allOf(host, sizes) as [Arena, Arena, Arena?, Arena?];
  const batch = inputs && outputs && { inputs, outputs };
  const addresses = control.view(BigUint64Array, 0, contextLayout.cancel / 8);
  const put = (at: number, value: number): void => {
    addresses[at / 8] = BigInt(value);
  };
  put(contextLayout.arena, arena.address);
  put(contextLayout.constants, constants.address);
  put(contextLayout.inputs, batch?.inputs.address ?? 0);
  put(contextLayout.outputs, batch?.outputs.address ?? 0);
  put(contextLayout.arenaStride, program.arenaBytes);
  put(contextLayout.yield, host.yieldAddress);
  control.view(Uint32Array, contextLayout.images, 2).set([count, arenas]);
  control.view(Uint32Array, contextLayout.group, 2).set([group, shares]);
  return { arena, control, begin: words, images: count, batch };
}

/** Arenas of these sizes; none of them stays where the system refuses one. */
function allOf(host: Host, sizes: readonly number[]): Arena[] {
  const arenas: Arena[] = [];
  try {
    for (const bytes of sizes) arenas.push(host.arena(bytes));
    return arenas;
  } catch (error) {
    for (const arena of arenas) arena.release();
    throw error;
  }
}

function drop({ arena, control, batch }: Scratch): void {
  for (const memory of [arena, control, batch?.inputs, batch?.outputs]) memory?.release();
}
