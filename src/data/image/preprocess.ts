import { type DataOf, dtypes } from '../../base/dtype.ts';
import { type Tensor, tensor } from '../../base/tensor.ts';
import type { ImageSource, PerChannel, Resize } from '../recipe/recipe.ts';
import { crop, type Part, type Picture, resize } from './resize.ts';

const at = (value: PerChannel | undefined, channel: number, otherwise: number): number =>
  value === undefined ? otherwise : typeof value === 'number' ? value : (value[channel] ?? otherwise);

type Size = { readonly width: number; readonly height: number };

/** The size that the whole picture is resized to, before the crop. */
function target(picture: Size, how: Extract<Resize, { mode: 'exact' | 'shortSide' }>): Size {
  if (how.mode === 'exact') return how;
  const { width, height } = picture;
  const long = Math.round((how.size * Math.max(width, height)) / Math.min(width, height));
  return width <= height ? { width: how.size, height: long } : { width: long, height: how.size };
}

/** The centred part; `toWhole` decides where an odd margin's half pixel goes. */
const centre = (of: Size, { width, height }: Size, toWhole: (margin: number) => number): Part => ({
  left: toWhole((of.width - width) / 2),
  top: toWhole((of.height - height) / 2),
  width,
  height,
});

function shaped(picture: Picture, { resize: how, crop: kept }: ImageSource): Picture {
  if (how === undefined) return kept === undefined ? picture : crop(picture, centre(picture, kept, Math.floor));
  if (how.mode === 'centreFraction') {
    // Size rounded down and offset up, as TensorFlow's EfficientNet preprocessing does.
    const side = Math.max(1, Math.trunc(how.fraction * Math.min(picture.width, picture.height)));
    const square = crop(picture, centre(picture, { width: side, height: side }, Math.ceil));
    const size = { width: how.size, height: how.size };
    return resize(square, how.size, how.size, how.filter, centre(size, kept ?? size, Math.floor));
  }
  const size = target(picture, how);
  return resize(picture, size.width, size.height, how.filter, centre(size, kept ?? size, Math.floor));
}

/** For each channel of the result: the picture's channel it is taken from and the value of each of the 256 levels. */
function levels(source: ImageSource): { readonly from: number; readonly values: Float64Array }[] {
  return [0, 1, 2].map((channel) => {
    const scale = at(source.scale, channel, 1);
    const mean = at(source.mean, channel, 0);
    const std = at(source.std, channel, 1);
    const values = Float64Array.from({ length: 256 }, (_, pixel) => (pixel * scale - mean) / std);
    return { from: source.channels === 'BGR' ? 2 - channel : channel, values };
  });
}

/** What turns decoded RGB pictures into a model's input [1, H, W, 3] (or [1, 3, H, W]) by the recipe. */
export function preprocessor(source: ImageSource): (picture: Picture) => Tensor<'float32' | 'uint8' | 'int32'> {
  const dtype = source.dtype ?? 'float32';
  const table = levels(source);
  const planar = source.layout === 'NCHW';
  return (picture) => {
    const { width, height, data } = shaped(picture, source);
    const pixels = width * height;
    // Uint8ClampedArray rounds and saturates where the result is uint8.
    const out = dtype === 'uint8' ? new Uint8ClampedArray(pixels * 3) : new dtypes[dtype].array(pixels * 3);
    table.forEach(({ from, values }, channel) => {
      const step = planar ? 1 : 3;
      let write = planar ? channel * pixels : channel;
      for (let read = from; read < data.length; read += 3) {
        out[write] = values[data[read]!]!;
        write += step;
      }
    });
    const body = dtype === 'uint8' ? new Uint8Array(out.buffer) : out;
    const shape = planar ? [1, 3, height, width] : [1, height, width, 3];
    return tensor(dtype, shape, body as DataOf<typeof dtype>) as Tensor<'float32' | 'uint8' | 'int32'>;
  };
}
