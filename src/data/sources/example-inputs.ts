import { UserError } from '../../base/errors.ts';
import { sizeOf } from '../../base/shape.ts';
import { numbersOf, reshaped, stringTensor, type Tensor, tensorOf } from '../../base/tensor.ts';
import { decodeExample, type Example, type FeatureTensor } from '../../formats/example.ts';
import { decodePicture } from '../image/decode.ts';
import { preprocessor } from '../image/preprocess.ts';
import type { FeatureSource, InputSource, Recipe } from '../recipe/recipe.ts';

/** One record of a TFRecord file: its bytes, and the tf.Example in them where anything asks for that. */
export type RecordReader = {
  readonly label: (record: Uint8Array, name: string) => number | undefined;
  readonly feeds: (record: Uint8Array, name: string) => Promise<ReadonlyMap<string, Tensor>>;
};

type ReadInput = (record: Uint8Array, example: () => Example, name: string) => Promise<Tensor>;

/** How the recipe's inputs are made of records. Throws `UserError` on inputs that can't be. */
export function recordReader(recipe: Recipe): RecordReader {
  const readers = recipe.inputs.map(({ name, from }) => [name, inputReader(from)] as const);
  return {
    label: (record, name) => labelOf(recipe, decodeExample(record, { file: name })),
    feeds: async (record, name) => {
      let decoded: Example | undefined;
      const example = () => {
        decoded ??= decodeExample(record, { file: name });
        return decoded;
      };
      const feeds = new Map<string, Tensor>();
      for (const [input, read] of readers) feeds.set(input, await read(record, example, name));
      return feeds;
    },
  };
}

const defaultLabels = ['image/class/label', 'label'];

/** The label's feature: the recipe's, or one of TensorFlow's usual names, or none. */
function labelOf(recipe: Recipe, example: Example): number | undefined {
  const named = recipe.labels?.feature;
  const key = named ?? defaultLabels.find((name) => example.has(name));
  const feature = key === undefined ? undefined : example.get(key);
  if (feature === undefined || feature.dtype === 'string' || feature.data.length !== 1) return undefined;
  return Number(feature.data[0]);
}

function inputReader(from: InputSource): ReadInput {
  switch (from.kind) {
    case 'example':
      return async (record) => stringTensor([record]);
    case 'feature':
      return async (_, example, name) => featureInput(from, featureOf(example(), from.name, name), name);
    case 'file':
      return async (_, example, name) => stringTensor([bytesOf(example(), from.feature ?? 'bytes', name)], []);
    case 'image': {
      const toTensor = preprocessor(from);
      return async (_, example, name) =>
        toTensor(await decodePicture(bytesOf(example(), from.feature ?? 'image/encoded', name), { file: name }));
    }
    case 'rating':
      throw new UserError('the recipe takes rating files, not records');
  }
}

function featureOf(example: Example, key: string, name: string): FeatureTensor {
  const feature = example.get(key);
  if (feature !== undefined) return feature;
  const there = [...example.keys()].slice(0, 20).join(', ');
  throw new UserError(`has no feature '${key}'`, { file: name }, `there are: ${there}`);
}

function bytesOf(example: Example, key: string, name: string): Uint8Array {
  const feature = featureOf(example, key, name);
  const bytes = feature.dtype === 'string' ? feature.data[0] : undefined;
  if (bytes === undefined) throw new UserError(`feature '${key}' holds no bytes`, { file: name });
  return bytes;
}

function featureInput(from: FeatureSource, feature: FeatureTensor, name: string): Tensor {
  const shape = [1, ...(from.shape ?? [])];
  if (feature.data.length !== sizeOf(shape) || (feature.dtype === 'string') !== (from.dtype === 'string')) {
    const found = `${feature.data.length} values of ${feature.dtype}`;
    throw new UserError(`feature '${from.name}' has ${found}, the recipe wants ${sizeOf(shape)} of ${from.dtype}`, {
      file: name,
    });
  }
  if (feature.dtype === 'string' || from.dtype === 'string') return reshaped(feature, shape);
  return feature.dtype === from.dtype ? reshaped(feature, shape) : tensorOf(from.dtype, numbersOf(feature), shape);
}
