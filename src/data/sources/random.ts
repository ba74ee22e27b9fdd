import type { DataOf } from '../../base/dtype.ts';
import { dtypes, isBigInt, isFloat, isPlain } from '../../base/dtype.ts';
import { UserError } from '../../base/errors.ts';
import { numberFlag } from '../../base/flags.ts';
import { type Rng, rng } from '../../base/rng.ts';
import { sizeOf } from '../../base/shape.ts';
import { type Tensor, tensor } from '../../base/tensor.ts';
import type { Endpoint, Model } from '../../graph/model.ts';
import { type Dataset, datasetOf } from '../dataset.ts';
import { preprocessor } from '../image/preprocess.ts';
import type { ImageSource, Recipe } from '../recipe/recipe.ts';

/**
 * Seeded noise in the shape of the model's inputs, a batch of one: standard normal floats, small whole numbers; uniform
 * pixels, prepared by the recipe, where an input is a picture. Sample n is the same for every run with the same `seed`
 * (OCTET_SEED, or 0). Throws `UserError` for strings, and for sizes that neither model nor recipe tells.
 */
export function randomDataset(
  model: Model,
  recipe?: Recipe,
  { size = 100, seed = numberFlag('OCTET_SEED', 0) }: { readonly size?: number; readonly seed?: number } = {},
): Dataset {
  const makers = model.inputs.map((end) => {
    const from = recipe?.inputs.find((input) => input.name === end.key || input.name === end.value.node)?.from;
    return [end.key, from?.kind === 'image' ? pictureMaker(from, end) : noiseMaker(end)] as const;
  });
  return datasetOf(async function* () {
    for (let index = 0; index < size; index++) {
      yield {
        name: `noise ${index}`,
        load: async () => {
          const random = rng(seed * 65_537 + index);
          return new Map(makers.map(([key, make]) => [key, make(random)]));
        },
      };
    }
  }, size);
}

function noiseMaker(end: Endpoint): (random: Rng) => Tensor {
  const shape = end.shape?.map((dim, i) => dim ?? (i === 0 ? 1 : undefined));
  if (shape === undefined || !shape.every((dim) => dim !== undefined))
    throw new UserError(`the model does not tell the shape of its input '${end.key}'`, {}, 'give it data or a recipe');
  const { dtype } = end;
  if (!isPlain(dtype) || dtype === 'float16' || dtype === 'bfloat16')
    throw new UserError(`there is no random data for the ${dtype} input '${end.key}'`, {}, 'give it real data');
  const most = dtype === 'bool' ? 1 : 9;
  const value = isFloat(dtype) || dtype === 'complex64' ? (r: Rng) => r.normal() : (r: Rng) => r.int(0, most);
  const count = sizeOf(shape) * (dtype === 'complex64' ? 2 : 1);
  return (random) => {
    const values = Array.from({ length: count }, () => value(random));
    const data = isBigInt(dtype)
      ? BigInt64Array.from(values, BigInt)
      : (dtypes[dtype].array as Float32ArrayConstructor).from(values);
    return tensor(dtype, shape, data as unknown as DataOf<typeof dtype>);
  };
}

function pictureMaker(from: ImageSource, end: Endpoint): (random: Rng) => Tensor {
  const toTensor = preprocessor({ ...from, resize: undefined, crop: undefined } as ImageSource);
  const planar = from.layout === 'NCHW';
  const side = (axis: number, known: number | undefined): number => {
    const dim = end.shape?.[axis] ?? known;
    if (dim === undefined || dim === null)
      throw new UserError(`neither model nor recipe tells the size of the input '${end.key}'`, {}, 'give it real data');
    return dim;
  };
  const given = from.crop ?? (from.resize?.mode === 'exact' ? from.resize : undefined);
  const square = from.resize?.mode === 'centreFraction' ? from.resize.size : undefined;
  const height = side(planar ? 2 : 1, given?.height ?? square);
  const width = side(planar ? 3 : 2, given?.width ?? square);
  return (random) => {
    const data = Uint8Array.from({ length: width * height * 3 }, () => random.int(0, 255));
    return toTensor({ width, height, channels: 3, data });
  };
}
