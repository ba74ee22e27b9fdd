import type { Program, Shared } from '../../compile/program.ts';
import type { Arena } from './host/arena.ts';
import type { Host } from './host/host.ts';

type Entry = { readonly kernel: string; readonly offset: number; readonly bytes: number };

/** The packed weights of a model: programs for other shapes find those that they have in common with earlier ones here. */
export type Constants = {
  /** What is there, for planning. */
  readonly shared: () => Shared | undefined;
  /** The arena with a planned program's constants. */
  readonly place: (program: Program) => Arena;
  readonly release: () => void;
};

export function openConstants(host: Host): Constants {
  const arenas: Arena[] = [];
  /** Of the last arena: by node. */
  let entries = new Map<string, Entry[]>();
  const shared = (): Shared | undefined => {
    const arena = arenas.at(-1);
    if (arena === undefined) return undefined;
    const view = Buffer.from(arena.buffer);
    return {
      bytes: arena.bytes,
      find: (node, kernel, bytes) =>
        entries
          .get(node)
          ?.find(
            (entry) =>
              entry.kernel === kernel &&
              entry.bytes === bytes.length &&
              view.compare(bytes, 0, bytes.length, entry.offset, entry.offset + entry.bytes) === 0,
          )?.offset,
    };
  };
  const place = (program: Program): Arena => {
    if (program.isShared) return arenas.at(-1)!;
    const arena = host.arena(program.constantBytes);
    const view = arena.view(Uint8Array);
    entries = new Map();
    for (const { node, kernel, bytes, offset } of program.constants) {
      view.set(bytes, offset);
      entries.set(node, [...(entries.get(node) ?? []), { kernel, offset, bytes: bytes.length }]);
    }
    arenas.push(arena);
    return arena;
  };
  const release = (): void => {
    for (const arena of arenas.splice(0)) arena.release();
  };
  return { shared, place, release };
}
