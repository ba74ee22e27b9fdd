import { UserError } from '../../base/errors.ts';
import { type Tensor, tensor, zeros } from '../../base/tensor.ts';

const textAt = (view: DataView, at: number): string =>
  String.fromCharCode(...Array.from({ length: 4 }, (_, i) => view.getUint8(at + i)));

type Sound = { readonly rate: number; readonly channels: number; readonly data: DataView };

/** Finds the samples of a RIFF WAVE file of 16-bit PCM, the only kind that TensorFlow reads. */
function parseWav(bytes: Uint8Array): Sound {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const wrong = (what: string) =>
    new UserError(`the sound is not a WAV file that can be read: ${what}`, {}, 'convert it to 16-bit PCM');
  if (view.byteLength < 12 || textAt(view, 0) !== 'RIFF' || textAt(view, 8) !== 'WAVE') throw wrong('no RIFF header');
  let format: { rate: number; channels: number } | undefined;
  for (let at = 12; at + 8 <= view.byteLength; ) {
    const id = textAt(view, at);
    const size = view.getUint32(at + 4, true);
    const start = at + 8;
    if (start + size > view.byteLength) throw wrong(`its chunk '${id}' is cut off`);
    if (id === 'fmt ') {
      if (size < 16) throw wrong('its format is cut off');
      const [kind, channels, rate, bits] = [
        view.getUint16(start, true),
        view.getUint16(start + 2, true),
        view.getUint32(start + 4, true),
        view.getUint16(start + 14, true),
      ];
      if (kind !== 1 || bits !== 16) throw wrong(`it holds format ${kind} in ${bits} bits`);
      if (channels === 0) throw wrong('it has no channels');
      format = { rate, channels };
    } else if (id === 'data') {
      if (format === undefined) throw wrong('its samples come before their format');
      return { ...format, data: new DataView(bytes.buffer, bytes.byteOffset + start, size) };
    }
    at = start + size;
  }
  throw wrong('it holds no samples');
}

/**
 * DecodeWav: samples [frames, channels] in [-1, 1), and the rate in Hz. Missing channels repeat the last one, missing
 * frames are silent; -1 takes what the file has.
 */
export function decodeWav(bytes: Uint8Array, wantedChannels: number, wantedFrames: number): readonly [Tensor, number] {
  const { rate, channels, data } = parseWav(bytes);
  const frames = Math.floor(data.byteLength / (2 * channels));
  const outChannels = wantedChannels < 0 ? channels : wantedChannels;
  const outFrames = wantedFrames < 0 ? frames : wantedFrames;
  const out = zeros('float32', [outFrames, outChannels]);
  for (let frame = 0; frame < Math.min(frames, outFrames); frame++)
    for (let channel = 0; channel < outChannels; channel++) {
      const from = frame * channels + Math.min(channel, channels - 1);
      out.data[frame * outChannels + channel] = data.getInt16(2 * from, true) / 32768;
    }
  return [out, rate];
}

/** EncodeWav: float samples [frames, channels] as 16-bit PCM. */
export function encodeWav(audio: Tensor<'float32'>, rate: number): Tensor {
  const [frames, channels] = audio.shape;
  if (frames === undefined || channels === undefined || audio.shape.length !== 2)
    throw new UserError('sound has two axes, frames and channels');
  const size = frames * channels * 2;
  const view = new DataView(new ArrayBuffer(44 + size));
  const text = (at: number, value: string) => {
    for (let i = 0; i < 4; i++) view.setUint8(at + i, value.charCodeAt(i));
  };
  text(0, 'RIFF');
  view.setUint32(4, 36 + size, true);
  text(8, 'WAVE');
  text(12, 'fmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, rate * channels * 2, true);
  view.setUint16(32, channels * 2, true);
  view.setUint16(34, 16, true);
  text(36, 'data');
  view.setUint32(40, size, true);
  for (const [i, sample] of audio.data.entries()) {
    // C's roundf: halves away from zero.
    const scaled = Math.sign(sample) * Math.round(Math.abs(sample * 32768));
    view.setInt16(44 + 2 * i, Math.max(-32768, Math.min(32767, scaled)), true);
  }
  return tensor('string', [], [new Uint8Array(view.buffer)]);
}
