import { readAttr } from '../attr.ts';
import type { ShapeRule } from '../infer.ts';
import type { OpName } from '../ops/index.ts';
import { asScalar, inputShape } from './dims.ts';

/** [channels, windows, bins]; windows are padded to a power of two before they are transformed. */
const spectrogram: ShapeRule = (context) => {
  const [length = null, channels = null] = inputShape(context, 0) ?? [];
  const size = readAttr(context.node, 'window_size', 'int');
  const stride = readAttr(context.node, 'stride', 'int');
  const windows = length === null ? null : length < size ? 0 : 1 + Math.floor((length - size) / stride);
  return [[channels, windows, 2 ** Math.ceil(Math.log2(size)) / 2 + 1]];
};

const mfcc: ShapeRule = (context) => {
  const [channels = null, windows = null] = inputShape(context, 0) ?? [];
  return [[channels, windows, readAttr(context.node, 'dct_coefficient_count', 'int', 13)]];
};

const decodeWav: ShapeRule = ({ node }) => {
  const given = (name: string) => {
    const count = readAttr(node, name, 'int', -1);
    return count < 0 ? null : count;
  };
  return [[given('desired_samples'), given('desired_channels')], []];
};

/** Shapes of sound. */
export const audioShapes = {
  AudioSpectrogram: spectrogram,
  DecodeWav: decodeWav,
  EncodeWav: asScalar,
  Mfcc: mfcc,
} satisfies Partial<Record<OpName, ShapeRule>>;
