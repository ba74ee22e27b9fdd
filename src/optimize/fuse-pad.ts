import { tensorOf } from '../base/tensor.ts';
import { ints, type } from '../graph/attr.ts';
import { constTensor } from '../graph/constant.ts';
import type { Node, Value } from '../graph/graph.ts';
import { any, op } from '../graph/pattern.ts';
import { type RewriteContext, rule } from '../graph/rewrite.ts';
import { axesOf, readWindows, type Stepping, windowAxis } from '../graph/shapes/geometry.ts';
import { opAttr } from '../graph/signature.ts';
import { rulePass } from './pass.ts';

/** Zeros in front of and behind each axis. */
type Paddings = readonly (readonly [before: number, after: number])[];

/** What a Pad, or a PadV2 of zeros, puts around its input; undefined where that is not known. */
function zerosOf(pad: Node, { elements, find }: Pick<RewriteContext, 'elements' | 'find'>): Paddings | undefined {
  if (pad.op === 'PadV2') {
    const filler = constTensor(find(pad.inputs[2]!.node)!);
    if (filler?.dtype !== 'float32' || filler.data.some((x) => x !== 0)) return undefined;
  }
  const flat = elements(pad.inputs[1]!);
  if (flat === undefined || flat.length % 2 !== 0 || !flat.every((x) => x !== null && x >= 0)) return undefined;
  return Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i]!, flat[2 * i + 1]!]);
}

/**
 * Pad or PadV2 of zeros → Conv2D or DepthwiseConv2dNative  ⇒  the convolution with `padding` SAME where that pads just
 * these zeros, else a Conv2D with EXPLICIT ones.
 *
 * Needs: constant paddings over height and width alone; a convolution that is VALID or EXPLICIT, or SAME of a known size.
 * Others may read the Pad: it stays for them. A depthwise convolution keeps a Pad that SAME can't say: TensorFlow 2.21
 * fuses it with the BiasAdd behind and then dies of the explicit paddings (tensor_format.h, "Invalid index"). Exact.
 */
const fusePadConv = rule(
  'fuse-pad-conv',
  op(['Conv2D', 'DepthwiseConv2dNative'], op(['Pad', 'PadV2']).as('pad').shared(), any('w')).as('conv'),
  ({ pad, w, conv }, context) => {
    const paddings = zerosOf(pad, context);
    const [kernelHeight, kernelWidth] = context.type(w).shape ?? [];
    if (paddings?.length !== 4 || kernelHeight == null || kernelWidth == null) return undefined;
    const windows = readWindows(conv);
    const axes = axesOf[windows.layout];
    if ([...paddings[axes.n]!, ...paddings[axes.c]!].some((count) => count !== 0)) return undefined;
    const [x] = pad.inputs as readonly [Value];
    const sizesOf = (of: Value) => context.type(of).shape;
    const side = (name: 'h' | 'w', kernel: number): Side => ({
      stepping: windows[name],
      kernel,
      added: paddings[axes[name]]!,
      padded: sizesOf(conv.inputs[0]!)?.[axes[name]] ?? null,
      size: sizesOf(x)?.[axes[name]] ?? null,
    });
    const sides = { h: side('h', kernelHeight), w: side('w', kernelWidth) };
    const [h, v] = [totalOf(sides.h), totalOf(sides.w)];
    if (h === undefined || v === undefined) return undefined;
    const isSame = saysSame(sides.h, h) && saysSame(sides.w, v);
    if (!isSame && conv.op === 'DepthwiseConv2dNative') return undefined;
    const total = paddings.map((none, axis) => (axis === axes.h ? h : axis === axes.w ? v : none));
    return context.add(conv.op as 'Conv2D', 'unpadded', [x, w], padded(conv, isSame ? 'SAME' : total));
  },
);

/** Height or width: how the window moves, the zeros of the Pad, and the picture's size without and with them. */
type Side = {
  readonly stepping: Stepping;
  readonly kernel: number;
  readonly added: Paddings[number];
  readonly size: number | null;
  readonly padded: number | null;
};

/** The zeros of the Pad and of the convolution itself. */
function totalOf({ stepping, kernel, added: [before, after], padded: size }: Side): Paddings[number] | undefined {
  const { padding } = stepping;
  if (padding === 'VALID') return [before, after];
  if (padding !== 'SAME') return [before + padding.before, after + padding.after];
  if (size === null) return undefined;
  const own = windowAxis(size, kernel, stepping);
  return [before + own.before, after + own.after];
}

/** Whether SAME pads just `total`: with stride 1 whatever the size is, for that is what the window reaches over. */
function saysSame({ stepping, kernel, size }: Side, [before, after]: Paddings[number]): boolean {
  if (size === null && stepping.stride !== 1) return false;
  const same = windowAxis(size ?? 1, kernel, { ...stepping, padding: 'SAME' });
  return same.before === before && same.after === after;
}

function padded(conv: Node, padding: 'SAME' | Paddings): Node['attrs'] {
  const attrs = new Map(conv.attrs);
  attrs.delete('explicit_paddings');
  attrs.set('padding', { string: padding === 'SAME' ? 'SAME' : 'EXPLICIT' });
  if (padding !== 'SAME') attrs.set('explicit_paddings', ints(padding.flat()));
  return attrs;
}

/** Pad(Pad(x, a), b)  ⇒  Pad(x, a + b). Needs: constant paddings, zeros; nobody else reads the inner Pad. Exact. */
const mergePads = rule('merge-pads', op(['Pad', 'PadV2']).as('outer'), ({ outer }, context) => {
  const inner = context.find(outer.inputs[0]!.node);
  if (inner === undefined || !['Pad', 'PadV2'].includes(inner.op) || !context.isPrivate(inner)) return undefined;
  const [a, b] = [zerosOf(inner, context), zerosOf(outer, context)];
  if (a === undefined || a.length !== b?.length) return undefined;
  const sums = a.flatMap(([before, after], axis) => [before + b[axis]![0], after + b[axis]![1]]);
  const paddings = context.constant('paddings', tensorOf('int32', sums, [a.length, 2]));
  const attrs = { T: type(opAttr(outer, 'T', 'type')), Tpaddings: type('int32') };
  return context.add('Pad', 'merged', [inner.inputs[0]!, paddings], attrs);
});

/** Pad(x, zeros)  ⇒  x, where there is nothing to pad. Exact. */
const dropEmptyPad = rule('drop-empty-pad', op(['Pad', 'PadV2', 'MirrorPad']).as('pad'), ({ pad }, { elements }) =>
  elements(pad.inputs[1]!)?.every((count) => count === 0) ? pad.inputs[0] : undefined,
);

/**
 * Pads before poolings stay: a MaxPool pads with −∞ and TensorFlow's quantized poolings take no explicit padding, whereas
 * a Pad runs on int8 as it is.
 */
export const fusePad = rulePass('fuse-pad', [dropEmptyPad, mergePads, fusePadConv]);
