import type { Model } from '../../graph/model.ts';
import { type Layers, type NetworkOptions, network, type Signal } from './layers.ts';

const epsilon = 1e-3;

/** MobileNet-v1 (https://arxiv.org/abs/1704.04861): a depthwise and a pointwise convolution a row. */
// biome-ignore format: one row a change of size
const v1Blocks: readonly (readonly [channels: number, stride: number])[] = [
  [64, 1],
  [128, 2], [128, 1],
  [256, 2], [256, 1],
  [512, 2], [512, 1], [512, 1], [512, 1], [512, 1], [512, 1],
  [1024, 2], [1024, 1],
];

/** As keras.applications builds it, width 1. */
export const mobilenetV1 = ({ size = 224, classes = 1000, seed = 0 }: NetworkOptions = {}): Model =>
  network({ size, classes, seed }, (l, input, classes) => {
    const active = (name: string, x: Signal) => l.relu6(`${name}_relu/Relu6`, l.batchNorm(`${name}_bn`, x, epsilon));
    let x = active('conv1', l.conv('conv1', input, 32, { kernel: [3, 3], stride: 2 }));
    for (const [i, [channels, stride]] of v1Blocks.entries()) {
      const name = `conv_dw_${i + 1}`;
      const padded = stride === 1 ? x : l.pad(`conv_pad_${i + 1}/Pad`, x, 0, 1);
      x = active(name, l.depthwise(name, padded, { kernel: [3, 3], stride, padding: stride === 1 ? 'SAME' : 'VALID' }));
      x = active(`conv_pw_${i + 1}`, l.conv(`conv_pw_${i + 1}`, x, channels, { kernel: [1, 1] }));
    }
    x = l.conv('conv_preds', l.globalMean('global_average_pooling2d', x, true), classes, {
      kernel: [1, 1],
      bias: true,
    });
    return l.softmax(l.flatten('reshape_2/Reshape', x));
  });

/** MobileNet-v2 (https://arxiv.org/abs/1801.04381): blocks of one width; the stride is that of the first. */
// biome-ignore format: one row a width
const v2Rows: readonly (readonly [expansion: number, channels: number, blocks: number, stride: number])[] = [
  [1,  16, 1, 1],
  [6,  24, 2, 2],
  [6,  32, 3, 2],
  [6,  64, 4, 2],
  [6,  96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
];

/** As keras.applications builds it, width 1. */
export const mobilenetV2 = ({ size = 224, classes = 1000, seed = 0 }: NetworkOptions = {}): Model =>
  network({ size, classes, seed }, (l, input, classes) => {
    const first = l.conv('Conv1', input, 32, { kernel: [3, 3], stride: 2 });
    let x = l.relu6('Conv1_relu/Relu6', l.batchNorm('bn_Conv1', first, epsilon));
    const blocks = v2Rows.flatMap(([expansion, channels, count, stride]) =>
      Array.from({ length: count }, (_, n) => ({ expansion, channels, stride: n === 0 ? stride : 1 })),
    );
    for (const [i, block] of blocks.entries()) x = inverted(l, i === 0 ? 'expanded_conv' : `block_${i}`, x, block);
    x = l.batchNorm('Conv_1_bn', l.conv('Conv_1', x, 1280, { kernel: [1, 1] }), epsilon);
    const pooled = l.globalMean('global_average_pooling2d', l.relu6('out_relu/Relu6', x));
    return l.softmax(l.dense('predictions', pooled, classes));
  });

type Block = { readonly expansion: number; readonly channels: number; readonly stride: number };

/** Wide inside, narrow and without an activation between blocks; the input is added where sizes allow. */
function inverted(l: Layers, name: string, input: Signal, { expansion, channels, stride }: Block): Signal {
  const active = (part: string, x: Signal) =>
    l.relu6(`${name}_${part}_relu/Relu6`, l.batchNorm(`${name}_${part}_BN`, x, epsilon));
  let x = input;
  if (expansion > 1) x = active('expand', l.conv(`${name}_expand`, x, input.c * expansion, { kernel: [1, 1] }));
  const window = { kernel: [3, 3], stride, padding: stride === 1 ? 'SAME' : 'VALID' } as const;
  // Keras pads even sizes below and right only.
  const padded = stride === 1 ? x : l.pad(`${name}_pad/Pad`, x, x.h % 2, 1);
  x = active('depthwise', l.depthwise(`${name}_depthwise`, padded, window));
  x = l.batchNorm(`${name}_project_BN`, l.conv(`${name}_project`, x, channels, { kernel: [1, 1] }), epsilon);
  return stride === 1 && input.c === channels ? l.add(`${name}_add`, input, x) : x;
}
