import type { Program, Shared } from '../../compile/program.ts';
import type { Arena } from './host/arena.ts';
import type { Host } from './host/host.ts';

/** The constants of one program in memory. */
export type PlacedConstants = {
  readonly address: number;
  /** Says that the program is gone; the memory goes with the last that uses it. */
  readonly release: () => void;
};

/** The packed weights of a segment: programs for other shapes find those that they have in common with earlier ones here. */
export type Constants = {
  /** What is there, for planning. */
  readonly shared: () => Shared | undefined;
  /** Puts a planned program's constants into memory, unless they are those that `shared` has told of. */
  readonly place: (program: Program) => PlacedConstants;
};

type Entry = { readonly kernel: string; readonly offset: number; readonly bytes: number };
type Stored = { readonly arena: Arena; readonly entries: ReadonlyMap<string, readonly Entry[]>; users: number };

export function openConstants(host: Host): Constants {
  /** Where the next program looks: what was stored last, as long as it is in use. */
  let latest: Stored | undefined;
  const shared = (): Shared | undefined => {
    if (latest === undefined) return undefined;
    const { arena, entries } = latest;
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
  const store = ({ constantBytes, constants }: Program): Stored => {
    const arena = host.arena(constantBytes);
    const view = arena.view(Uint8Array);
    const entries = new Map<string, Entry[]>();
    for (const { node, kernel, bytes, offset } of constants) {
      view.set(bytes, offset);
      entries.set(node, [...(entries.get(node) ?? []), { kernel, offset, bytes: bytes.length }]);
    }
    return { arena, entries, users: 0 };
  };
  const place = (program: Program): PlacedConstants => {
    const stored = program.isShared ? latest! : store(program);
    latest = stored;
    stored.users++;
    return {
      address: stored.arena.address,
      release: () => {
        stored.users--;
        if (stored.users > 0) return;
        if (latest === stored) latest = undefined;
        stored.arena.release();
      },
    };
  };
  return { shared, place };
}
