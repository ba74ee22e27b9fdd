import { UserError } from '../../base/errors.ts';
import { formatShape } from '../../base/shape.ts';
import { numberOf } from '../../base/tensor.ts';
import type { OpName } from '../../graph/ops/index.ts';
import { opAttr } from '../../graph/signature.ts';
import { inputAt, numbers, tensorOfNumbers } from '../numbers.ts';
import { affineEncoder, codeLimits } from '../quantize/codes.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';

/** Each channel of each picture less its mean, over its standard deviation; the output's range is given or that of the values. */
const instanceNorm: ReferenceKernel = (inputs, node) => {
  const x = inputAt(inputs, 0);
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  if (x.shape.length !== 4 || x.dtype !== 'quint8')
    throw new UserError(`expected quint8 pictures, found ${x.dtype} ${formatShape(x.shape)}`);
  const step = Math.fround(numberOf(inputAt(inputs, 2)) - numberOf(inputAt(inputs, 1))) / 255;
  if (!(step > 0)) throw new UserError('x_min must be less than x_max');
  const epsilon = opAttr(node, 'variance_epsilon', 'float');
  const codes = numbers(x);
  const pixels = height * width;
  const normed = new Float32Array(codes.length);
  for (let image = 0; image < batch; image++)
    for (let c = 0; c < channels; c++) {
      const at = (pixel: number) => (image * pixels + pixel) * channels + c;
      let mean = 0;
      for (let p = 0; p < pixels; p++) mean += codes[at(p)]! / pixels;
      let variance = 0;
      for (let p = 0; p < pixels; p++) variance += (step * (codes[at(p)]! - mean)) ** 2 / pixels;
      for (let p = 0; p < pixels; p++) normed[at(p)] = (step * (codes[at(p)]! - mean)) / Math.sqrt(variance + epsilon);
    }
  const given = opAttr(node, 'output_range_given', 'bool');
  const min = given ? opAttr(node, 'given_y_min', 'float') : normed.reduce((a, b) => Math.min(a, b), Infinity);
  const top = given ? opAttr(node, 'given_y_max', 'float') : normed.reduce((a, b) => Math.max(a, b), -Infinity);
  const max = Math.max(top, Math.fround(min + opAttr(node, 'min_separation', 'float')));
  const encode = affineEncoder({ min: Math.fround(min), max: Math.fround(max), limits: codeLimits.quint8 });
  const bound = (value: number) => tensorOfNumbers('float32', [], Float64Array.of(value));
  return [tensorOfNumbers('quint8', x.shape, Float64Array.from(normed, encode)), bound(min), bound(max)];
};

export const quantizedNormReference = {
  QuantizedInstanceNorm: instanceNorm,
} satisfies Partial<Record<OpName, ReferenceKernel>>;
