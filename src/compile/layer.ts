import type { DType } from '../base/dtype.ts';
import type { Shape } from '../base/shape.ts';
import type { Tensor } from '../base/tensor.ts';
import type { Node } from '../graph/graph.ts';
import type { Buffer, ElementType, Isa, NativeKernel, Step } from '../kernels/native-kernel.ts';
import { alignUp } from './memory.ts';

/**
 * The layers of a program, between the graph and memory: nodes with all shapes known, each with the ways to compute it
 * natively. What is constant (weights, ranges, shapes) is no value here, but part of a layer.
 */
export type ValueId = number;

/** Something that lies in the arena while a program runs. */
export type Val = { readonly dtype: DType; readonly shape: Shape };

/** An input or output of a node: a value of the program, or a tensor known when it is compiled. */
export type Operand = { readonly id: ValueId } | { readonly tensor: Tensor };
export const isValue = (operand: Operand): operand is { readonly id: ValueId } => 'id' in operand;

export type Halo = { readonly top: number; readonly bottom: number; readonly left: number; readonly right: number };
export const noHalo: Halo = { top: 0, bottom: 0, left: 0, right: 0 };
export const isNoHalo = ({ top, bottom, left, right }: Halo): boolean => top + bottom + left + right === 0;

/** What holds both. */
export const widerHalo = (a: Halo, b: Halo): Halo => ({
  top: Math.max(a.top, b.top),
  bottom: Math.max(a.bottom, b.bottom),
  left: Math.max(a.left, b.left),
  right: Math.max(a.right, b.right),
});

/** What a kernel has chosen to do: its constants, and its steps (in any order) once their place is known. */
export type Implementation = {
  readonly kernel: string;
  readonly pack?: () => Uint8Array;
  readonly steps: (constants: number) => readonly Step[];
};

/** An implementation, or why each kernel declines. */
export type Choice = Implementation | { readonly whyNot: string };

/** The operands of a layer in memory. */
export type Placed = { readonly inputs: readonly Buffer[]; readonly output: Buffer; readonly isa: Isa };

/** What all layers have. `inputs` are those of the node's that are values, in its order. */
type Common = { readonly node: Node; readonly operands: readonly Operand[]; readonly inputs: readonly ValueId[] };

/** Computed by a kernel; by the op's reference kernel where none takes it. */
export type KernelLayer = Common & {
  readonly kind: 'kernel';
  readonly output: ValueId;
  /** Zeros that must lie around inputs, by the index in `inputs`. */
  readonly halos: readonly (Halo | undefined)[];
  readonly choose: (placed: Placed) => Choice;
  /** The index in `inputs` of one that the kernel reads element by element right where it writes: both may lie in one place. */
  readonly overwrites?: number | undefined;
  /** Whether the run has to fail where input 0 is NaN. */
  readonly refusesNan?: boolean;
};

/** The output is the input's bytes under another shape. */
export type AliasLayer = Common & { readonly kind: 'alias'; readonly output: ValueId };

/** Inputs side by side in their channels. */
export type ConcatLayer = Common & { readonly kind: 'concat'; readonly output: ValueId };

/** Computed by the reference kernel of the op on copies: whatever has no native form. */
export type HostLayer = Common & { readonly kind: 'host'; readonly outputs: readonly ValueId[] };

export type Layer = KernelLayer | AliasLayer | ConcatLayer | HostLayer;

export const outputsOf = (layer: Layer): readonly ValueId[] => (layer.kind === 'host' ? layer.outputs : [layer.output]);

/** A segment with its shapes known. */
export type Layers = {
  readonly values: readonly Val[];
  readonly layers: readonly Layer[];
  readonly inputs: readonly ValueId[];
  readonly outputs: readonly Operand[];
};

/** The kernel of a table, best first, that takes `spec`. */
export function chosen<Spec>(table: readonly NativeKernel<Spec>[], isa: Isa, spec: Spec): Choice {
  const reasons: string[] = [];
  for (const kernel of table) {
    if (!runsOn(kernel.isa, isa)) continue;
    const reason = kernel.whyNot(spec);
    if (reason === undefined) {
      const steps = (constants: number) => [kernel.step(spec, constants)];
      return { kernel: kernel.name, pack: () => kernel.pack(spec), steps };
    }
    reasons.push(`${kernel.name}: ${reason}`);
  }
  return { whyNot: reasons.length === 0 ? `there is no kernel for ${isa}` : reasons.join('; ') };
}

/** Several implementations, of parts of one output, as one; or why the first of them that declines does. */
export function allOf(choices: readonly Choice[]): Choice {
  const made: Implementation[] = [];
  for (const choice of choices) {
    if ('whyNot' in choice) return choice;
    made.push(choice);
  }
  const packed = made.map(({ pack }) => pack?.() ?? new Uint8Array(0));
  const offsets = packed.map(() => 0);
  let end = 0;
  for (const [i, { length }] of packed.entries()) {
    offsets[i] = end;
    end = alignUp(end + length);
  }
  const pack = (): Uint8Array => {
    const bytes = new Uint8Array(end);
    for (const [i, part] of packed.entries()) bytes.set(part, offsets[i]);
    return bytes;
  };
  const steps = (constants: number) => made.flatMap((one, i) => one.steps(constants + offsets[i]!));
  return { kernel: made[0]?.kernel ?? 'nothing', pack, steps };
}

/** avx2 code runs everywhere that native code runs at all. */
const runsOn = (kernel: Isa, machine: Isa): boolean => kernel === machine || kernel === 'avx2';

const elementTypes: ReadonlyMap<DType, ElementType> = new Map([
  ['quint8', 'u8'],
  ['qint8', 's8'],
  ['qint32', 's32'],
  ['float32', 'f32'],
  ['int32', 's32'],
  ['int8', 's8'],
  ['uint8', 'u8'],
  ['bool', 'u8'],
]);

/** How kernels see a dtype; undefined for those that no kernel reads. */
export const elementType = (dtype: DType): ElementType | undefined => elementTypes.get(dtype);
export const bytesOfElement: Readonly<Record<ElementType, number>> = { u8: 1, s8: 1, s32: 4, f32: 4 };

/** Any shape as a picture: the last axis is the channels, the two before are height and width. */
export function pictureOf(shape: Shape): Buffer['shape'] {
  const c = shape.at(-1) ?? 1;
  if (shape.length <= 2) return { n: shape.length === 2 ? shape[0]! : 1, h: 1, w: 1, c };
  const w = shape.at(-2)!;
  const h = shape.length > 3 ? shape.at(-3)! : 1;
  return { n: shape.slice(0, shape.length > 3 ? -3 : -2).reduce((size, dim) => size * dim, 1), h, w, c };
}
