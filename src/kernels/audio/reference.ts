import { UserError } from '../../base/errors.ts';
import { numberOf, scalar, type Tensor } from '../../base/tensor.ts';
import { readAttr } from '../../graph/attr.ts';
import type { OpName } from '../../graph/ops/index.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';
import { stringsOf } from '../strings/text.ts';
import { mfcc } from './mfcc.ts';
import { spectrogram } from './spectrogram.ts';
import { decodeWav, encodeWav } from './wav.ts';

function floats(t: Tensor): Tensor<'float32'> {
  if (t.dtype !== 'float32') throw new UserError(`expected float32, found ${t.dtype}`);
  return t;
}

/** Sound, as TensorFlow's speech front end takes it. */
export const audioReference = {
  AudioSpectrogram: ([input], node) => [
    spectrogram(
      floats(input!),
      readAttr(node, 'window_size', 'int'),
      readAttr(node, 'stride', 'int'),
      readAttr(node, 'magnitude_squared', 'bool', false),
    ),
  ],
  DecodeWav: ([contents], node) => {
    const [bytes, ...rest] = stringsOf(contents!);
    if (bytes === undefined || rest.length > 0) throw new UserError('expected the contents of one file');
    const channels = readAttr(node, 'desired_channels', 'int', -1);
    const [audio, rate] = decodeWav(bytes, channels, readAttr(node, 'desired_samples', 'int', -1));
    return [audio, scalar('int32', rate)];
  },
  EncodeWav: ([audio, rate]) => [encodeWav(floats(audio!), numberOf(rate!))],
  Mfcc: ([input, rate], node) => [
    mfcc(floats(input!), numberOf(rate!), {
      upperLimit: readAttr(node, 'upper_frequency_limit', 'float', 4000),
      lowerLimit: readAttr(node, 'lower_frequency_limit', 'float', 20),
      channels: readAttr(node, 'filterbank_channel_count', 'int', 40),
      coefficients: readAttr(node, 'dct_coefficient_count', 'int', 13),
    }),
  ],
} satisfies Partial<Record<OpName, ReferenceKernel>>;
