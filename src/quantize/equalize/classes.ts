/** Classes of channels, while they are being united: a disjoint-set forest. */
export function channelClasses() {
  const parents: number[] = [];
  const reasons = new Map<number, string>();
  const find = (c: number): number => {
    let root = c;
    while (parents[root] !== root) root = parents[root]!;
    for (let at = c; at !== root; ) [parents[at], at] = [root, parents[at]!];
    return root;
  };
  return {
    /** New classes, one a channel. */
    fresh: (channels: number): Int32Array => {
      const from = parents.length;
      for (let i = 0; i < channels; i++) parents.push(from + i);
      return Int32Array.from({ length: channels }, (_, i) => from + i);
    },
    unite: (a: number, b: number): void => {
      parents[find(b)] = find(a);
    },
    /** Says why a channel can't be scaled. */
    pin: (c: number, reason: string): void => void reasons.set(c, reasons.get(c) ?? reason),
    /** The classes that came of it. */
    close: () => {
      const pinned = new Map<number, string>();
      for (const [c, reason] of reasons) if (!pinned.has(find(c))) pinned.set(find(c), reason);
      const resolve = (channels: Int32Array): Int32Array => channels.map(find);
      return { count: parents.length, resolve, pinned };
    },
  };
}
