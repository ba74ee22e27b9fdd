import { sameShape } from '../base/shape.ts';
import { attrs } from '../graph/attr.ts';
import { copyStep } from './emit/move.ts';
import {
  bytesOfElement,
  elementType,
  type Halo,
  isNoHalo,
  isValue,
  type KernelLayer,
  type Layer,
  type Layers,
  outputsOf,
  type Val,
  type ValueId,
} from './layer.ts';

/** How a value shares the memory of another: under another shape, or as some of its channels. */
export type Parent = {
  readonly value: ValueId;
  readonly kind: 'alias' | 'part';
  /** The first of the parent's channels that is this value's. */
  readonly channel: number;
};

/** Layers that can be laid out as they are: copies stand wherever two of them want different layouts of one value. */
export type Legal = {
  readonly values: readonly Val[];
  readonly layers: readonly Layer[];
  readonly inputs: readonly ValueId[];
  readonly outputs: readonly ValueId[];
  readonly parents: ReadonlyMap<ValueId, Parent>;
};

/**
 * Decides which values share memory: aliases lie where their source lies, and a part of a concat is written in place by its
 * producer where nobody else reads it and it is not in `apart` (whose producers can't write with a channel stride).
 *
 * What enters or leaves the program, or is an alias, is dense; a reader that wants a halo around it gets a copy.
 */
export function legalize({ values, layers, inputs, outputs }: Layers, apart: ReadonlySet<ValueId>): Legal {
  const outputIds = outputs.flatMap((operand) => (isValue(operand) ? [operand.id] : []));
  const dense = new Set<ValueId>([...inputs, ...outputIds]);
  for (const layer of layers)
    if (layer.kind === 'alias') for (const id of [...layer.inputs, layer.output]) dense.add(id);
  const all = [...values];
  const legal: Layer[] = [];
  const copies = new Map<ValueId, ValueId>();
  const withHalo = (id: ValueId, layer: Layer): ValueId => {
    const known = copies.get(id);
    if (known !== undefined) return known;
    const copy = all.push(values[id]!) - 1;
    copies.set(id, copy);
    legal.push(copyLayer(layer, id, copy));
    return copy;
  };
  for (const layer of layers) {
    if (layer.kind !== 'kernel') legal.push(layer);
    else {
      const wants = (i: number) => needsHalo(layer.halos[i]) && dense.has(layer.inputs[i]!);
      legal.push({ ...layer, inputs: layer.inputs.map((id, i) => (wants(i) ? withHalo(id, layer) : id)) });
    }
  }
  const parents = parentsOf(legal, all, { dense, apart });
  for (const [output, parent] of inPlace(legal, all, { dense, apart }, parents)) parents.set(output, parent);
  return { values: all, layers: legal, inputs, outputs: outputIds, parents };
}

const needsHalo = (halo: Halo | undefined): boolean => halo !== undefined && !isNoHalo(halo);

type Bounds = { readonly dense: ReadonlySet<ValueId>; readonly apart: ReadonlySet<ValueId> };

function parentsOf(layers: readonly Layer[], values: readonly Val[], { dense, apart }: Bounds): Map<ValueId, Parent> {
  const parents = new Map<ValueId, Parent>();
  const readers = new Map<ValueId, number>();
  const byKernel = new Set<ValueId>();
  for (const layer of layers) {
    for (const id of layer.inputs) readers.set(id, (readers.get(id) ?? 0) + 1);
    if (layer.kind === 'kernel' || layer.kind === 'concat') for (const id of outputsOf(layer)) byKernel.add(id);
  }
  for (const layer of layers) {
    if (layer.kind === 'alias') parents.set(layer.output, { value: layer.inputs[0]!, kind: 'alias', channel: 0 });
    if (layer.kind !== 'concat') continue;
    let channel = 0;
    for (const id of layer.inputs) {
      const isPrivate = readers.get(id) === 1 && byKernel.has(id) && !dense.has(id) && !apart.has(id);
      if (isPrivate) parents.set(id, { value: layer.output, kind: 'part', channel });
      channel += values[id]!.shape.at(-1)!;
    }
  }
  return parents;
}

/**
 * Outputs that may lie where an input lies that ends there: a residual sum in the place of its summand. That is less memory to
 * go through, and the lines that are written are in the cache already.
 */
function inPlace(
  layers: readonly Layer[],
  values: readonly Val[],
  { dense, apart }: Bounds,
  parents: ReadonlyMap<ValueId, Parent>,
): Map<ValueId, Parent> {
  const lastReader = new Map<ValueId, Layer>();
  for (const layer of layers) for (const id of layer.inputs) lastReader.set(id, layer);
  const shares = (id: ValueId): boolean => dense.has(id) || apart.has(id) || parents.has(id);
  const found = new Map<ValueId, Parent>();
  for (const layer of layers) {
    if (layer.kind !== 'kernel' || layer.overwrites === undefined) continue;
    const { inputs, output } = layer;
    const id = inputs[layer.overwrites]!;
    const isOnly = lastReader.get(id) === layer && inputs.indexOf(id) === inputs.lastIndexOf(id);
    const [from, to] = [values[id]!, values[output]!];
    const fits = sizeOfCode(from) === sizeOfCode(to) && sameShape(from.shape, to.shape);
    if (isOnly && fits && !shares(id) && !shares(output)) found.set(output, { value: id, kind: 'part', channel: 0 });
  }
  return found;
}

const sizeOfCode = ({ dtype }: Val): number => bytesOfElement[elementType(dtype) ?? 'f32'];

/** A copy of a value, so that it can have another layout. */
function copyLayer(layer: Layer, from: ValueId, to: ValueId): KernelLayer {
  const node = { ...layer.node, name: `${layer.node.name}/copy`, op: 'Identity', controls: [], attrs: attrs({}) };
  return {
    kind: 'kernel',
    node,
    operands: [{ id: from }],
    inputs: [from],
    output: to,
    halos: [],
    choose: ({ inputs: [input], output }) => ({
      kernel: 'copy',
      steps: () => [copyStep(node.name, input!, output)],
    }),
  };
}
