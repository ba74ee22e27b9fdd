import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Tensor, tensor } from '../src/base/tensor.ts';
import { type Dataset, datasetOf } from '../src/data/dataset.ts';
import { fittedTo, openDataset } from '../src/data/open.ts';
import { load } from '../src/formats/load.ts';
import type { Model } from '../src/graph/model.ts';
import { encodeWav } from '../src/kernels/audio/wav.ts';
import { findRecipe } from '../src/zoo/recipes/index.ts';

/** A real model with real samples. */
export type RealModel = {
  readonly name: string;
  /** Where it is not: why its cases are skipped. */
  readonly missing?: string;
  readonly path: string;
  readonly signature?: string;
  readonly isClassifier?: boolean;
  /** Why fp32 is compared without Grappler's fusions. */
  readonly unfused?: string;
  /**
   * An output of rows of candidates [left, top, right, bottom, score, class]: only those of at least this score are compared,
   * in fp32. Which faint peaks are listed turns on whether two neighbours are equal to the last bit.
   */
  readonly candidates?: { readonly key: string; readonly least: number };
  readonly data: (model: Model) => Promise<Dataset>;
};

/** The folder of models and data beside a checkout, or OCTET_SHARED. */
const shared = (process.env.OCTET_SHARED ?? fileURLToPath(new URL('../../shared', import.meta.url))).replace(/\/$/, '');
const packages = fileURLToPath(new URL('../node_modules/@vladmandic/', import.meta.url));

const named = (file: string, data: string, signature?: string): RealModel => {
  const path = `${shared}/models/${file}`;
  const at = `${shared}/data/${data}`;
  const missing = [path, at].find((needed) => !existsSync(needed));
  return {
    name: file.replace(/\.pb$/, ''),
    path,
    ...(signature === undefined ? {} : { signature }),
    ...(missing === undefined ? {} : { missing: `${missing} is absent` }),
    data: async (model) => openDataset(at, model, await findRecipe(path)),
  };
};

/** Two seconds' worth of tones and noise: there is no labelled audio. */
const sounds = (): Dataset =>
  datasetOf(async function* () {
    for (const seed of [10005, 7919, 20011, 5003])
      yield {
        name: `sound ${seed}`,
        load: async () => {
          const samples = Float32Array.from(
            { length: 16000 },
            (_, i) => (((i * i) % (2 * seed + 1)) - seed) / (3 * seed),
          );
          return new Map([['wav_data', encodeWav(tensor('float32', [16000, 1], samples), 16000)]]);
        },
      };
  }, 4);

/** The photographs that come with the package, as a model's input. */
const photographs = (size: number, divisor: number, dtype: 'float32' | 'int32') => async (model: Model) =>
  fittedTo(
    model,
    datasetOf(async function* () {
      for (const i of [1, 2, 3])
        yield {
          name: `sample${i}`,
          load: async () => new Map([[model.inputs[0]!.key, await photograph(i, size, divisor, dtype)]]),
        };
    }, 3),
  );

async function photograph(i: number, size: number, divisor: number, dtype: 'float32' | 'int32'): Promise<Tensor> {
  const { default: sharp } = await import('sharp');
  const pixels = await sharp(`${packages}face-api/demo/sample${i}.jpg`)
    .resize(size, size, { fit: 'fill' })
    .removeAlpha()
    .raw()
    .toBuffer();
  const shape = [1, size, size, 3];
  return dtype === 'int32'
    ? tensor('int32', shape, Int32Array.from(pixels))
    : tensor(
        'float32',
        shape,
        Float32Array.from(pixels, (p) => p / divisor),
      );
}

const published = (name: string, size: number, divisor = 1, dtype: 'float32' | 'int32' = 'float32'): RealModel => {
  const path = `${packages}human/models/${name}.json`;
  return {
    name: `human ${name}`,
    path,
    ...(existsSync(path) ? {} : { missing: `${path} is absent` }),
    data: photographs(size, divisor, dtype),
  };
};

export const realModels = (): readonly RealModel[] => [
  { ...named('resnet20_cifar10.pb', 'cifar10/test'), isClassifier: true },
  named('ncf_mlp_ml1m.pb', 'ml1m'),
  { ...named('ds_cnn_kws.pb', ''), isClassifier: true, data: async () => sounds() },
  named('wide_deep_taxi', 'taxi/trips.csv', 'predict'),
  { ...named('mobilenet_v2.pb', 'imagenet500'), isClassifier: true },
  { ...named('efficientnet_lite0.pb', 'imagenet500'), isClassifier: true },
  { ...named('googlenet.pb', 'imagenet500'), isClassifier: true },
  named('ssd_mobilenet_v1_coco.pb', 'imagenet500'),
  named('ssd_mobilenet_v1_coco_loop.pb', 'imagenet500'),
  published('blazeface', 256, 255),
  published('facemesh', 192, 255),
  published('iris', 64, 255),
  published('handlandmark-lite', 224, 255),
  published('movenet-lightning', 192, 1, 'int32'),
  {
    ...published('centernet', 512),
    unfused: "TensorFlow's results with Grappler's fusions are 55 dB from its own without them",
    candidates: { key: 'tower_0/detections', least: 0.3 },
  },
];

export const loadReal = ({ path, signature }: RealModel): Promise<Model> =>
  load(path, signature === undefined ? {} : { signature });
