import { rng } from '../../src/base/rng.ts';
import { type Tensor, tensor } from '../../src/base/tensor.ts';
import { type Dataset, datasetOf } from '../../src/data/dataset.ts';
import { encodeWav } from '../../src/kernels/audio/wav.ts';

/** Samples a second, and in one sound. */
const rate = 16000;
const length = rate;

/**
 * 500 seconds of something like speech, as wav files: there is no labelled audio. Each is one to three voiced or whispered
 * syllables over noise; a syllable is a buzz or hiss whose pitch glides, under three resonances that glide too.
 */
export const sounds = (key: string, count = 500): Dataset =>
  datasetOf(async function* () {
    for (let i = 0; i < count; i++)
      yield { name: `sound ${i}`, load: async () => new Map([[key, encodeWav(sound(i), rate)]]) };
  }, count);

function sound(seed: number): Tensor<'float32'> {
  const random = rng(seed + 1);
  const between = (low: number, high: number) => low + (high - low) * random.uniform();
  const out = new Float32Array(length);
  const noise = 10 ** between(-4, -2);
  for (let i = 0; i < length; i++) out[i] = noise * random.normal();
  const syllables = random.int(1, 3);
  let start = between(0.05, 0.3) * rate;
  for (let s = 0; s < syllables; s++) {
    const size = between(0.1, 0.3) * rate;
    const isVoiced = random.uniform() < 0.8;
    const pitch = [between(80, 260), between(80, 260)] as const;
    const formants = [
      [between(250, 850), between(250, 850)],
      [between(800, 2500), between(800, 2500)],
      [between(2200, 3500), between(2200, 3500)],
    ] as const;
    const loudness = between(0.05, 0.4);
    const filters = formants.map(() => ({ y1: 0, y2: 0 }));
    let phase = 0;
    for (let i = 0; i < size && start + i < length; i++) {
      const at = i / size;
      const glide = ([from, to]: readonly [number, number]) => from + (to - from) * at;
      phase += glide(pitch) / rate;
      if (phase >= 1) phase -= 1;
      let x = isVoiced ? 2 * phase - 1 + 0.05 * random.normal() : 0.5 * random.normal();
      // Two-pole resonators in a row, each of unit gain at zero frequency and 90 Hz wide.
      for (const [k, filter] of filters.entries()) {
        const r = Math.exp((-Math.PI * 90) / rate);
        const a = 2 * r * Math.cos((2 * Math.PI * glide(formants[k]!)) / rate);
        const y = (1 - a + r * r) * x + a * filter.y1 - r * r * filter.y2;
        filter.y2 = filter.y1;
        filter.y1 = y;
        x = y;
      }
      out[Math.floor(start) + i]! += loudness * Math.sin(Math.PI * at) ** 2 * x;
    }
    start += size * between(0.8, 1.4);
  }
  return tensor(
    'float32',
    [length, 1],
    out.map((x) => Math.max(-1, Math.min(1, x))),
  );
}
