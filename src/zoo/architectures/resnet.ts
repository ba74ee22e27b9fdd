import type { Model } from '../../graph/model.ts';
import { type Layers, type NetworkOptions, network, type Signal } from './layers.ts';

/**
 * ResNet v1 (https://arxiv.org/abs/1512.03385) as keras.applications builds it: the stride lies in a block's first 1 × 1
 * convolution, every convolution has a bias beside its batch norm.
 */
type Stage = readonly [width: number, blocks: number, stride: number];

// biome-ignore format: one row a stage
const stages = {
  resnet50:  [[64, 3, 1], [128, 4, 2], [256,  6, 2], [512, 3, 2]],
  resnet101: [[64, 3, 1], [128, 4, 2], [256, 23, 2], [512, 3, 2]],
} as const satisfies Record<string, readonly Stage[]>;

const epsilon = 1.001e-5;
/** γ of the norms whose output is added up block after block: sums stay of order 1. */
const residualScale = 0.4;

export const resnet =
  (name: keyof typeof stages) =>
  ({ size = 224, classes = 1000, seed = 0 }: NetworkOptions = {}): Model =>
    network({ size, classes, seed }, (l, input, classes) => {
      let x = l.pad('conv1_pad/Pad', input, 3, 3);
      x = l.conv('conv1_conv', x, 64, { kernel: [7, 7], stride: 2, padding: 'VALID', bias: true });
      x = l.relu('conv1_relu/Relu', l.batchNorm('conv1_bn', x, epsilon));
      x = l.pad('pool1_pad/Pad', x, 1, 1);
      x = l.pool('MaxPool', 'pool1_pool', x, { kernel: [3, 3], stride: 2, padding: 'VALID' });
      for (const [i, [width, blocks, stride]] of stages[name].entries())
        for (let n = 1; n <= blocks; n++)
          x = block(l, `conv${i + 2}_block${n}`, x, { width, stride: n === 1 ? stride : 1, isFirst: n === 1 });
      return l.softmax(l.dense('predictions', l.globalMean('avg_pool', x), classes));
    });

type Block = { readonly width: number; readonly stride: number; readonly isFirst: boolean };

/** 1 × 1 → 3 × 3 → 1 × 1 beside the input, which a stage's first block projects to the new width. */
function block(l: Layers, name: string, input: Signal, { width, stride, isFirst }: Block): Signal {
  const conv = (n: number, x: Signal, channels: number, side: number, stride: number, scale?: number) =>
    l.batchNorm(
      `${name}_${n}_bn`,
      l.conv(`${name}_${n}_conv`, x, channels, { kernel: [side, side], stride, bias: true }),
      epsilon,
      scale,
    );
  const shortcut = isFirst ? conv(0, input, 4 * width, 1, stride) : input;
  let x = l.relu(`${name}_1_relu/Relu`, conv(1, input, width, 1, stride));
  x = l.relu(`${name}_2_relu/Relu`, conv(2, x, width, 3, 1));
  x = conv(3, x, 4 * width, 1, 1, residualScale);
  return isFirst ? l.relu(`${name}_out/Relu`, l.add(`${name}_add`, shortcut, x)) : l.residual(name, shortcut, x);
}
