import { tensorOf } from '../base/tensor.ts';
import { ints, type } from '../graph/attr.ts';
import { constTensor } from '../graph/constant.ts';
import type { Node } from '../graph/graph.ts';
import { any, op } from '../graph/pattern.ts';
import { type RewriteContext, rule } from '../graph/rewrite.ts';
import { axesOf, readWindows, windowAxis } from '../graph/shapes/geometry.ts';
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
 * Pad or PadV2 of zeros → Conv2D or DepthwiseConv2dNative  ⇒  the convolution with `padding` EXPLICIT, or SAME where that
 * means the same for every size of the picture.
 *
 * Needs: constant paddings over height and width alone; a convolution that is VALID or EXPLICIT, or SAME of a known size.
 * Others may read the Pad: it stays for them. Exact.
 */
export const fusePadConv = rule(
  'fuse-pad-conv',
  op(['Conv2D', 'DepthwiseConv2dNative'], op(['Pad', 'PadV2']).as('pad').shared(), any('w')).as('conv'),
  ({ pad, w, conv }, context) => {
    const paddings = zerosOf(pad, context);
    if (paddings?.length !== 4) return undefined;
    const windows = readWindows(conv);
    const axes = axesOf[windows.layout];
    if ([...paddings[axes.n]!, ...paddings[axes.c]!].some((count) => count !== 0)) return undefined;
    const [kernelHeight, kernelWidth] = context.type(w).shape ?? [];
    if (kernelHeight == null || kernelWidth == null) return undefined;
    const shape = context.type(conv.inputs[0]!).shape;
    const own = (side: 'h' | 'w', kernel: number): readonly [number, number] | undefined => {
      const { padding } = windows[side];
      if (padding === 'VALID') return [0, 0];
      if (padding !== 'SAME') return [padding.before, padding.after];
      const size = shape?.[axes[side]];
      if (size == null) return undefined;
      const { before, after } = windowAxis(size, kernel, windows[side]);
      return [before, after];
    };
    const [h, v] = [own('h', kernelHeight), own('w', kernelWidth)];
    if (h === undefined || v === undefined) return undefined;
    const total = paddings.map(([before, after], axis) => {
      const more = axis === axes.h ? h : axis === axes.w ? v : ([0, 0] as const);
      return [before + more[0], after + more[1]] as const;
    });
    const isSame = [
      isAlwaysSame(total[axes.h]!, kernelHeight, windows.h),
      isAlwaysSame(total[axes.w]!, kernelWidth, windows.w),
    ].every((same) => same);
    return context.add(conv.op as 'Conv2D', 'unpadded', [pad.inputs[0]!, w], padded(conv, isSame ? 'SAME' : total));
  },
);

/** With stride 1, SAME pads what the window reaches over, whatever the size is. */
function isAlwaysSame(
  [before, after]: readonly [number, number],
  kernel: number,
  { stride, dilation }: { readonly stride: number; readonly dilation: number },
): boolean {
  const reach = (kernel - 1) * dilation;
  return stride === 1 && before === Math.floor(reach / 2) && after === reach - before;
}

function padded(conv: Node, padding: 'SAME' | Paddings): Node['attrs'] {
  const attrs = new Map(conv.attrs);
  attrs.delete('explicit_paddings');
  attrs.set('padding', { string: padding === 'SAME' ? 'SAME' : 'EXPLICIT' });
  if (padding !== 'SAME') attrs.set('explicit_paddings', ints(padding.flat()));
  return attrs;
}

/** Pad(Pad(x, a), b)  ⇒  Pad(x, a + b). Needs: constant paddings, zeros; nobody else reads the inner Pad. Exact. */
export const mergePads = rule('merge-pads', op(['Pad', 'PadV2']).as('outer'), ({ outer }, context) => {
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
export const dropEmptyPad = rule(
  'drop-empty-pad',
  op(['Pad', 'PadV2', 'MirrorPad']).as('pad'),
  ({ pad }, { elements }) => (elements(pad.inputs[1]!)?.every((count) => count === 0) ? pad.inputs[0] : undefined),
);

/**
 * Pads before poolings stay: a MaxPool pads with −∞ and TensorFlow's quantized poolings take no explicit padding, whereas
 * a Pad runs on int8 as it is.
 */
export const fusePad = rulePass('fuse-pad', [dropEmptyPad, mergePads, fusePadConv]);
