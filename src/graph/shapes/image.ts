import type { PartialShape } from '../../base/shape.ts';
import type { InferContext, ShapeRule } from '../infer.ts';
import type { OpName } from '../ops/index.ts';
import { opAttr } from '../signature.ts';
import { asInput, type Dim, inputShape, numberFrom, product } from './dims.ts';
import { windowAxis } from './geometry.ts';

/** NHWC pictures whose height and width are input `i`. */
const resized =
  (i: number): ShapeRule =>
  (context) => {
    const images = inputShape(context, 0);
    const [height, width] = context.elements(i) ?? [null, null];
    return [[images?.[0] ?? null, height ?? null, width ?? null, images?.[3] ?? null]];
  };

const cropAndResize: ShapeRule = (context) => {
  const [height, width] = context.elements(3) ?? [null, null];
  return [[inputShape(context, 1)?.[0] ?? null, height ?? null, width ?? null, inputShape(context, 0)?.[3] ?? null]];
};

/** As many boxes as are found, or all places where they are padded. */
function selected(context: InferContext): PartialShape {
  const padded = context.node.attrs.get('pad_to_max_output_size');
  const isPadded = padded !== undefined && 'bool' in padded && padded.bool;
  return [isPadded ? numberFrom(context, 2) : null];
}

const combined: ShapeRule = (context) => {
  const [boxes, scores] = [inputShape(context, 0), inputShape(context, 1)];
  const batch: Dim = boxes?.[0] ?? scores?.[0] ?? null;
  const [perClass, total] = [numberFrom(context, 2), numberFrom(context, 3)];
  const classes = scores?.[2] ?? null;
  const found = product([perClass, classes]);
  const isPadded = opAttr(context.node, 'pad_per_class', 'bool');
  const size: Dim = !isPadded ? total : found === null || total === null ? null : Math.min(total, found);
  return [[batch, size, 4], [batch, size], [batch, size], [batch]];
};

const patches: ShapeRule = (context) => {
  const { node } = context;
  const shape = inputShape(context, 0);
  const [ksizes, strides, rates] = ['ksizes', 'strides', 'rates'].map((name) => opAttr(node, name, 'ints'));
  const padding = opAttr(node, 'padding', 'string') === 'SAME' ? 'SAME' : 'VALID';
  const along = (axis: 1 | 2): Dim => {
    const size = shape?.[axis];
    const stepping = { stride: strides![axis]!, dilation: rates![axis]!, padding } as const;
    return size == null ? null : windowAxis(size, ksizes![axis]!, stepping).output;
  };
  const depth = product([shape?.[3] ?? null, ksizes![1]!, ksizes![2]!]);
  return [[shape?.[0] ?? null, along(1), along(2), depth]];
};

/** A decoded picture: its size is in the bytes; 0 channels means as many as the file has. */
const decoded: ShapeRule = ({ node }) => {
  const channels = opAttr(node, 'channels', 'int');
  return [[null, null, channels === 0 ? null : channels]];
};

/** Shapes of pictures and boxes. */
export const imageShapes = {
  AdjustContrast: asInput,
  AdjustContrastv2: asInput,
  AdjustHue: asInput,
  AdjustSaturation: asInput,
  CombinedNonMaxSuppression: combined,
  CropAndResize: cropAndResize,
  DecodeAndCropJpeg: decoded,
  DecodeBmp: decoded,
  DecodeGif: () => [[null, null, null, 3]],
  DecodeJpeg: decoded,
  DecodePng: decoded,
  DrawBoundingBoxes: asInput,
  DrawBoundingBoxesV2: asInput,
  EncodeJpeg: () => [[]],
  ExtractImagePatches: patches,
  ExtractJpegShape: () => [[3]],
  HSVToRGB: asInput,
  ImageProjectiveTransformV2: resized(2),
  ImageProjectiveTransformV3: resized(2),
  NonMaxSuppression: (context) => [selected(context)],
  NonMaxSuppressionV2: (context) => [selected(context)],
  NonMaxSuppressionV3: (context) => [selected(context)],
  NonMaxSuppressionV4: (context) => [selected(context), []],
  NonMaxSuppressionV5: (context) => [selected(context), selected(context), []],
  NonMaxSuppressionWithOverlaps: (context) => [selected(context)],
  ResizeArea: resized(1),
  ResizeBicubic: resized(1),
  ResizeBilinear: resized(1),
  ResizeNearestNeighbor: resized(1),
  RGBToHSV: asInput,
  ScaleAndTranslate: resized(1),
} satisfies Partial<Record<OpName, ShapeRule>>;
