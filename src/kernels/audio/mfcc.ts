import { UserError } from '../../base/errors.ts';
import { type Tensor, zeros } from '../../base/tensor.ts';

export type MfccRules = {
  /** Hz. */
  readonly upperLimit: number;
  readonly lowerLimit: number;
  readonly channels: number;
  readonly coefficients: number;
};

const mel = (hertz: number): number => 1127 * Math.log1p(hertz / 700);

/** Energies below this have no logarithm worth having. */
const floor = 1e-12;

/** Which mel channel a bin belongs to, and how much of it; the rest goes to the channel above. */
type Filterbank = {
  readonly start: number;
  readonly end: number;
  readonly channelOf: Int32Array;
  readonly weightOf: Float64Array;
};

/** Overlapping triangles, evenly spaced in mel (tensorflow/core/kernels/mfcc_mel_filterbank.cc). */
function filterbank(bins: number, rate: number, { upperLimit, lowerLimit, channels }: MfccRules): Filterbank {
  const low = mel(lowerLimit);
  const spacing = (mel(upperLimit) - low) / (channels + 1);
  const centers = Float64Array.from({ length: channels + 1 }, (_, i) => low + spacing * (i + 1));
  const hertzPerBin = (0.5 * rate) / (bins - 1);
  const start = Math.trunc(1.5 + lowerLimit / hertzPerBin);
  const end = Math.min(Math.trunc(upperLimit / hertzPerBin), bins - 1);
  const channelOf = new Int32Array(bins).fill(-2);
  const weightOf = new Float64Array(bins);
  let channel = 0;
  for (let i = start; i <= end; i++) {
    const at = mel(i * hertzPerBin);
    while (channel < channels && centers[channel]! < at) channel++;
    const below = channel - 1;
    channelOf[i] = below;
    const lower = below >= 0 ? centers[below]! : low;
    weightOf[i] = (centers[below + 1]! - at) / (centers[below + 1]! - lower);
  }
  return { start, end, channelOf, weightOf };
}

/**
 * Mfcc: squared magnitudes [channels, windows, bins] → mel-frequency cepstral coefficients [channels, windows,
 * coefficients]: filterbank over magnitudes, logarithm, discrete cosine transform II. Computed in double.
 */
export function mfcc(spectrogram: Tensor<'float32'>, rate: number, rules: MfccRules): Tensor {
  const [outer, windows, bins] = spectrogram.shape;
  if (outer === undefined || windows === undefined || bins === undefined || bins < 2)
    throw new UserError('a spectrogram has three axes: channels, windows, bins');
  const { channels, coefficients, lowerLimit, upperLimit } = rules;
  if (rate <= 0 || lowerLimit < 0 || upperLimit <= lowerLimit || channels < 1 || coefficients < 1)
    throw new UserError(
      `can't make ${coefficients} coefficients of ${channels} channels, ${lowerLimit}-${upperLimit} Hz`,
    );
  if (coefficients > channels)
    throw new UserError(`${coefficients} coefficients are more than the ${channels} channels`);
  const bank = filterbank(bins, rate, rules);
  const cosines = Float64Array.from({ length: coefficients * channels }, (_, n) => {
    const [i, j] = [Math.floor(n / channels), n % channels];
    return Math.sqrt(2 / channels) * Math.cos(((i * Math.PI) / channels) * (j + 0.5));
  });
  const out = zeros('float32', [outer, windows, coefficients]);
  for (let row = 0; row < outer * windows; row++) {
    const energies = energiesOf(spectrogram.data.subarray(row * bins, (row + 1) * bins), bank, channels);
    for (let i = 0; i < coefficients; i++) {
      let sum = 0;
      for (let j = 0; j < channels; j++) sum += cosines[i * channels + j]! * Math.log(Math.max(energies[j]!, floor));
      out.data[row * coefficients + i] = sum;
    }
  }
  return out;
}

function energiesOf(squares: Float32Array, { start, end, channelOf, weightOf }: Filterbank, channels: number) {
  const energies = new Float64Array(channels);
  for (let i = start; i <= end; i++) {
    const value = Math.sqrt(squares[i]!);
    const weighted = value * weightOf[i]!;
    const channel = channelOf[i]!;
    if (channel >= 0) energies[channel]! += weighted;
    if (channel + 1 < channels) energies[channel + 1]! += value - weighted;
  }
  return energies;
}
