import { invariant } from '../base/errors.ts';
import type { Buffer } from '../kernels/native-kernel.ts';
import type { Region } from './check.ts';
import {
  bytesOfElement,
  elementType,
  type Halo,
  isNoHalo,
  noHalo,
  outputsOf,
  pictureOf,
  type Val,
  type ValueId,
  widerHalo,
} from './layer.ts';
import type { Legal } from './legalize.ts';
import { alignment, alignUp, type Block, place } from './memory.ts';

/** Where the values of a program lie. */
export type Storage = {
  readonly bytes: number;
  /** By value. */
  readonly buffers: readonly Buffer[];
  /** The whole memory of each value, halo and (of a concat in place) neighbours included: one object for all that share it. */
  readonly regions: readonly Region[];
  /** By layer: values whose borders have to be zeroed in its stage, since others have lain there. */
  readonly borders: readonly (readonly ValueId[])[];
  /** Words at the start of the arena, for what steps have to report. */
  readonly flags: Region;
};

/** Values that share memory: an alias and its source, the parts of a concat. */
type Root = { readonly value: ValueId; readonly channel: number; readonly isAlias: boolean };

/** Lays the values of legalized layers out in one arena. Layer number i runs in stage i. */
export function layOut(legal: Legal): Storage {
  const { values, layers } = legal;
  const rootOf = values.map((_, id) => resolve(legal, id));
  const halos = values.map(() => noHalo);
  for (const layer of layers)
    if (layer.kind === 'kernel')
      for (const [i, halo] of layer.halos.entries())
        if (halo !== undefined) {
          const root = rootOf[layer.inputs[i]!]!.value;
          halos[root] = widerHalo(halos[root]!, halo);
        }
  const lives = livesOf(legal, rootOf);
  const roots = [...lives.keys()];
  const dense = new Map(roots.map((root) => [root, layOutRoot(values[root]!, halos[root]!)]));
  const blocks = roots.map((root): Block => ({ bytes: dense.get(root)!.bytes, ...lives.get(root)! }));
  const { offsets, bytes } = place(blocks);
  // Room before the first and behind the last value, so that over-reads stay inside.
  const base = new Map(roots.map((root, i) => [root, offsets[i]! + slack]));
  const buffers = values.map((val, id) => bufferOf(val, rootOf[id]!, dense, base));
  const memory = new Map(
    roots.map((root): [ValueId, Region] => {
      const begin = base.get(root)!;
      return [root, { base: 'arena', begin, end: begin + dense.get(root)!.bytes }];
    }),
  );
  const regions = rootOf.map((root) => memory.get(root.value)!);
  const isShared = (root: ValueId): boolean =>
    roots.some((other) => other !== root && intersect(regions[root]!, regions[other]!));
  const borders = layers.map((_, stage) =>
    roots.filter((root) => lives.get(root)!.first === stage && !isNoHalo(halos[root]!) && isShared(root)),
  );
  const flags: Region = { base: 'arena', begin: 0, end: slack };
  return { bytes: bytes + 2 * slack, buffers, regions, borders, flags };
}

const slack = 4 * alignment;

const intersect = (a: Region, b: Region): boolean => a.begin < b.end && b.begin < a.end;

/** The value whose memory `id` lies in, and its first channel there. */
function resolve({ parents }: Legal, id: ValueId): Root {
  let value = id;
  let channel = 0;
  for (let parent = parents.get(value); parent !== undefined; parent = parents.get(value)) {
    value = parent.value;
    channel += parent.channel;
  }
  return { value, channel, isAlias: parents.get(id)?.kind === 'alias' };
}

/** For each root the stages from its first write to its last use. */
function livesOf({ layers, inputs, outputs }: Legal, rootOf: readonly Root[]): Map<ValueId, Omit<Block, 'bytes'>> {
  const lives = new Map<ValueId, { first: number; last: number }>();
  const touch = (id: ValueId, stage: number) => {
    const root = rootOf[id]!.value;
    const life = lives.get(root) ?? { first: stage, last: stage };
    lives.set(root, { first: Math.min(life.first, stage), last: Math.max(life.last, stage) });
  };
  for (const id of inputs) touch(id, -1);
  for (const [stage, layer] of layers.entries()) {
    for (const id of layer.inputs) touch(id, stage);
    for (const id of outputsOf(layer)) touch(id, stage);
  }
  for (const id of outputs) touch(id, layers.length);
  return lives;
}

type Dense = Pick<Buffer, 'type' | 'stride' | 'halo'> & { readonly bytes: number; readonly origin: number };

function layOutRoot(val: Val, halo: Halo): Dense {
  const type = elementType(val.dtype);
  invariant(type !== undefined, `a program holds a value of ${val.dtype}`);
  const { n, h, w, c } = pictureOf(val.shape);
  const pixel = c * bytesOfElement[type];
  const row = (halo.left + w + halo.right) * pixel;
  const picture = (halo.top + h + halo.bottom) * row;
  return {
    type,
    halo,
    stride: { n: picture, h: row, w: pixel },
    bytes: Math.max(alignment, alignUp(n * picture)),
    origin: halo.top * row + halo.left * pixel,
  };
}

/** An alias is dense under its own shape; a part of a concat has the strides and the halo of the whole. */
function bufferOf(
  { dtype, shape }: Val,
  { value, channel, isAlias }: Root,
  dense: ReadonlyMap<ValueId, Dense>,
  base: ReadonlyMap<ValueId, number>,
): Buffer {
  const { stride, halo, origin } = dense.get(value)!;
  const type = elementType(dtype)!;
  const picture = pictureOf(shape);
  const offset = base.get(value)! + origin + channel * bytesOfElement[type];
  if (!isAlias) return { type, offset, shape: picture, stride, halo };
  const w = picture.c * bytesOfElement[type];
  const h = picture.w * w;
  return { type, offset, shape: picture, stride: { n: picture.h * h, h, w }, halo };
}
