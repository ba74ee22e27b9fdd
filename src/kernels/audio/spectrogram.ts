import { UserError } from '../../base/errors.ts';
import { type Tensor, zeros } from '../../base/tensor.ts';

/** The smallest power of two that is not below `n`. */
const powerOfTwo = (n: number): number => {
  let size = 1;
  while (size < n) size *= 2;
  return size;
};

/** Fourier transform in place, radix 2, decimation in time (Cooley and Tukey, 1965). `re.length` is a power of two. */
function fft(re: Float64Array, im: Float64Array): void {
  const size = re.length;
  for (let i = 1, j = 0; i < size; i++) {
    let bit = size >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [re[i], re[j]] = [re[j]!, re[i]!];
      [im[i], im[j]] = [im[j]!, im[i]!];
    }
  }
  for (let half = 1; half < size; half *= 2)
    for (let k = 0; k < half; k++) {
      const angle = (-Math.PI * k) / half;
      const [c, s] = [Math.cos(angle), Math.sin(angle)];
      for (let a = k; a < size; a += 2 * half) {
        const b = a + half;
        const x = re[b]! * c - im[b]! * s;
        const y = re[b]! * s + im[b]! * c;
        re[b] = re[a]! - x;
        im[b] = im[a]! - y;
        re[a]! += x;
        im[a]! += y;
      }
    }
}

/**
 * AudioSpectrogram: sound [frames, channels] → [channels, windows, bins] under a periodic Hann window, padded with zeros
 * to a power of two; magnitudes, or their squares. Computed in double, as TensorFlow does.
 */
export function spectrogram(sound: Tensor<'float32'>, windowSize: number, stride: number, isSquared: boolean): Tensor {
  const [length, channels] = sound.shape;
  if (length === undefined || channels === undefined || sound.shape.length !== 2)
    throw new UserError('sound has two axes, frames and channels');
  if (windowSize < 2 || stride < 1) throw new UserError(`can't cut windows of ${windowSize} every ${stride} frames`);
  const windows = length < windowSize ? 0 : 1 + Math.floor((length - windowSize) / stride);
  const size = powerOfTwo(windowSize);
  const bins = size / 2 + 1;
  const hann = Float64Array.from(
    { length: windowSize },
    (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / windowSize),
  );
  const out = zeros('float32', [channels, windows, bins]);
  const [re, im] = [new Float64Array(size), new Float64Array(size)];
  for (let channel = 0; channel < channels; channel++)
    for (let w = 0; w < windows; w++) {
      re.fill(0);
      im.fill(0);
      for (let i = 0; i < windowSize; i++) re[i] = sound.data[(w * stride + i) * channels + channel]! * hann[i]!;
      fft(re, im);
      const to = (channel * windows + w) * bins;
      for (let bin = 0; bin < bins; bin++) {
        const square = Math.fround(re[bin]! ** 2 + im[bin]! ** 2);
        out.data[to + bin] = isSquared ? square : Math.sqrt(square);
      }
    }
  return out;
}
