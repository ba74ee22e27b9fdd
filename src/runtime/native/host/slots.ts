/** Pool threads held by a run: between 1 and the number asked for. */
export type Lease = Disposable & { readonly count: number; release(): void };

/**
 * Shares `limit()` pool threads between all runs of this process, first come first served. A run gets what is free, at
 * least one thread, and starts; it never waits for its full number, so two runs can't wait for each other.
 */
export type Slots = {
  take(wanted: number): Promise<Lease>;
  readonly inUse: number;
};

export function createSlots(limit: () => number): Slots {
  let inUse = 0;
  const waiting: { readonly wanted: number; readonly start: (lease: Lease) => void }[] = [];

  const grant = (): void => {
    while (waiting.length > 0 && inUse < limit()) {
      const { wanted, start } = waiting.shift()!;
      const count = Math.min(wanted, limit() - inUse);
      inUse += count;
      let held = true;
      const release = (): void => {
        if (!held) return;
        held = false;
        inUse -= count;
        grant();
      };
      start({ count, release, [Symbol.dispose]: release });
    }
  };

  return {
    take: (wanted) =>
      new Promise((start) => {
        waiting.push({ wanted: Math.max(1, Math.floor(wanted)), start });
        grant();
      }),
    get inUse() {
      return inUse;
    },
  };
}
