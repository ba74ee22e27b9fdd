import { UserError } from '../../base/errors.ts';
import { numberOf, type Tensor, zeros } from '../../base/tensor.ts';
import { readAttr } from '../../graph/attr.ts';
import type { OpName } from '../../graph/ops/index.ts';
import { windowAxis } from '../../graph/shapes/geometry.ts';
import { pad } from '../array/move.ts';
import { materialize, type View, view, window } from '../array/view.ts';
import { fromNumbers, numberData, throughFloat32 } from '../math/numeric.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';

type Triple = [number, number, number];

/** Hue, saturation and value, each in [0, 1]. */
function toHsv(r: number, g: number, b: number): Triple {
  const value = Math.max(r, g, b);
  const range = value - Math.min(r, g, b);
  if (range === 0) return [0, 0, value];
  const sixth = 1 / (6 * range);
  let hue = r === value ? sixth * (g - b) : g === value ? sixth * (b - r) + 2 / 6 : sixth * (r - g) + 4 / 6;
  if (hue < 0) hue += 1;
  return [hue, value > 0 ? range / value : 0, value];
}

function toRgb(hue: number, saturation: number, value: number): Triple {
  const sector = hue * 6;
  const tint = [Math.abs(sector - 3) - 1, 2 - Math.abs(sector - 2), 2 - Math.abs(sector - 4)];
  return tint.map((t) => (1 - saturation + saturation * Math.min(Math.max(t, 0), 1)) * value) as Triple;
}

const perPixel = (f: (a: number, b: number, c: number, by: number) => Triple): ReferenceKernel =>
  throughFloat32(([images, amount]) => {
    if (images!.shape.at(-1) !== 3) throw new UserError('the last axis of a coloured picture has 3 channels');
    const by = amount === undefined ? 0 : numberOf(amount);
    const src = numberData(images!);
    const out = zeros(images!.dtype, images!.shape) as Tensor;
    const dst = numberData(out);
    for (let i = 0; i < src.length; i += 3) [dst[i], dst[i + 1], dst[i + 2]] = f(src[i]!, src[i + 1]!, src[i + 2]!, by);
    return [out];
  });

/** (x − mean)·factor + mean, with the mean of each channel of each picture. */
const adjustContrast: ReferenceKernel = throughFloat32(([images, factor]) => {
  const [height, width, channels] = images!.shape.slice(-3) as Triple;
  const by = numberOf(factor!);
  const src = numberData(images!);
  const size = height * width * channels;
  const out = new Float64Array(src.length);
  for (let start = 0; start < src.length; start += size)
    for (let c = 0; c < channels; c++) {
      let sum = 0;
      for (let i = start + c; i < start + size; i += channels) sum += src[i]!;
      const mean = sum / (height * width);
      for (let i = start + c; i < start + size; i += channels) out[i] = (src[i]! - mean) * by + mean;
    }
  return [fromNumbers(images!.dtype, images!.shape, out)];
});

/** Each window's pixels as the channels of one. */
const extractImagePatches: ReferenceKernel = ([images], node) => {
  const [ksizes, strides, rates] = ['ksizes', 'strides', 'rates'].map((name) => readAttr(node, name, 'ints'));
  const [n, h, w, c] = images!.shape as [number, number, number, number];
  const padding = readAttr(node, 'padding', 'string') === 'SAME' ? 'SAME' : 'VALID';
  const [rows, columns] = ([1, 2] as const).map((axis) =>
    windowAxis([n, h, w, c][axis]!, ksizes![axis]!, { stride: strides![axis]!, dilation: rates![axis]!, padding }),
  );
  const around = [rows!, columns!].map(({ before, after }) => [before, after] as const);
  const padded = pad(images!, [[0, 0], around[0]!, around[1]!, [0, 0]]);
  const whole = view(padded);
  const steps = whole.strides;
  const patches: View = {
    ...window(whole, 0, 0, n),
    shape: [n, rows!.output, columns!.output, rows!.kernel, columns!.kernel, c],
    strides: [
      steps[0]!,
      steps[1]! * rows!.stride,
      steps[2]! * columns!.stride,
      steps[1]! * rows!.dilation,
      steps[2]! * columns!.dilation,
      1,
    ],
  };
  return [materialize(patches, images!, [n, rows!.output, columns!.output, rows!.kernel * columns!.kernel * c])];
};

export const colorKernels = {
  AdjustContrastv2: adjustContrast,
  AdjustHue: perPixel((r, g, b, delta) => {
    const [hue, saturation, value] = toHsv(r, g, b);
    return toRgb(hue + delta - Math.floor(hue + delta), saturation, value);
  }),
  AdjustSaturation: perPixel((r, g, b, scale) => {
    const [hue, saturation, value] = toHsv(r, g, b);
    return toRgb(hue, Math.min(Math.max(saturation * scale, 0), 1), value);
  }),
  ExtractImagePatches: extractImagePatches,
  HSVToRGB: perPixel(toRgb),
  RGBToHSV: perPixel(toHsv),
} satisfies Partial<Record<OpName, ReferenceKernel>>;
