import type { Recipe } from '../../data/recipe/recipe.ts';

/** Every tenth class calibrates: `labels.txt` beside the pictures tells the classes. */
const calibration = { labelMultipleOf: 10, first: 100 } as const;

export const mobilenetV2: Recipe = {
  name: 'mobilenet_v2',
  description: 'MobileNet-v2 as TF-slim trained it: 1001 classes, of which 0 is background; pixels from -1 to 1.',
  inputs: [
    {
      name: 'input',
      from: {
        kind: 'image',
        resize: { mode: 'shortSide', size: 256, filter: 'bilinear' },
        crop: { width: 224, height: 224 },
        mean: 127.5,
        std: 127.5,
      },
    },
  ],
  outputs: ['MobilenetV2/Logits/Squeeze'],
  labels: { offset: 1 },
  metric: { kind: 'topK', output: 'MobilenetV2/Logits/Squeeze', k: [1, 5] },
  calibration,
};

export const efficientnetLite0: Recipe = {
  name: 'efficientnet_lite0',
  description: 'EfficientNet-Lite0: 224 / (224 + 32) of the short side, bicubic to 224.',
  inputs: [
    {
      name: 'input',
      from: {
        kind: 'image',
        resize: { mode: 'centreFraction', fraction: 0.875, size: 224, filter: 'bicubic' },
        mean: 127,
        std: 128,
      },
    },
  ],
  outputs: ['logits'],
  metric: { kind: 'topK', output: 'logits', k: [1, 5] },
  calibration,
};

export const googlenet: Recipe = {
  name: 'googlenet',
  description: 'BVLC GoogLeNet as Caffe feeds it: BGR, the mean pixel taken off, no scale.',
  inputs: [
    {
      name: 'input',
      from: {
        kind: 'image',
        resize: { mode: 'shortSide', size: 256, filter: 'bilinear' },
        crop: { width: 224, height: 224 },
        channels: 'BGR',
        mean: [104, 117, 123],
      },
    },
  ],
  outputs: ['logits'],
  metric: { kind: 'topK', output: 'logits', k: [1, 5] },
  calibration,
};

export const resnet20Cifar10: Recipe = {
  name: 'resnet20_cifar10',
  description: 'ResNet-20 for CIFAR-10: 32 x 32 pictures, RGB / 255; mean and deviation are in the graph.',
  inputs: [
    {
      name: 'input',
      from: { kind: 'image', resize: { mode: 'exact', width: 32, height: 32, filter: 'bilinear' }, std: 255 },
    },
  ],
  outputs: ['logits'],
  metric: { kind: 'topK', output: 'logits', k: [1] },
  calibration: { spread: 200 },
};
