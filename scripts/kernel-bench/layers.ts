/** A convolution of a network: its input's size and channels, its output's channels, the kernel and stride. */
export type Layer = {
  readonly name: string;
  readonly size: number;
  readonly channels: number;
  readonly outputs: number;
  readonly kernel: readonly [h: number, w: number];
  readonly stride: number;
  readonly groups?: number;
  readonly valid?: boolean;
  readonly summand?: boolean;
  /** The output's upper clamp, of relu6. */
  readonly cap?: number;
};

const layer = (
  network: string,
  size: number,
  channels: number,
  outputs: number,
  kernel: readonly [number, number],
  stride: number,
  more: Partial<Layer> = {},
): Layer => {
  const what = more.groups === undefined ? `${channels} → ${outputs}` : `depthwise ${channels}`;
  const name = `${network} ${size}² ${kernel[0]}×${kernel[1]}${stride > 1 ? ` /${stride}` : ''} ${what}${more.summand ? ' + z' : ''}`;
  return { name, size, channels, outputs, kernel, stride, ...more };
};

const resnet = (size: number, width: number, from: number): Layer[] => [
  layer('resnet', size, 4 * width, width, [1, 1], 1),
  layer('resnet', size, width, width, [3, 3], 1),
  layer('resnet', size, width, 4 * width, [1, 1], 1, { summand: true }),
  layer('resnet', size, width, 4 * width, [1, 1], 1),
  layer('resnet', size * (size === 56 ? 1 : 2), from, 4 * width, [1, 1], size === 56 ? 1 : 2),
];

const depthwise = (size: number, channels: number, stride: number, side = 3): Layer =>
  layer('mobilenet', size, channels, channels, [side, side], stride, { groups: channels });

export const layers: readonly Layer[] = [
  layer('resnet', 224, 3, 64, [7, 7], 2),
  ...resnet(56, 64, 64),
  ...resnet(28, 128, 256),
  ...resnet(14, 256, 512),
  ...resnet(7, 512, 1024),
  layer('resnet', 1, 2048, 1000, [1, 1], 1),
  layer('inception', 299, 3, 32, [3, 3], 2, { valid: true }),
  layer('inception', 149, 32, 32, [3, 3], 1, { valid: true }),
  layer('inception', 147, 32, 64, [3, 3], 1),
  layer('inception', 73, 64, 80, [1, 1], 1),
  layer('inception', 73, 80, 192, [3, 3], 1, { valid: true }),
  layer('inception', 35, 192, 64, [1, 1], 1),
  layer('inception', 35, 48, 64, [5, 5], 1),
  layer('inception', 35, 64, 96, [3, 3], 1),
  layer('inception', 35, 288, 384, [3, 3], 2, { valid: true }),
  layer('inception', 17, 768, 192, [1, 1], 1),
  layer('inception', 17, 160, 160, [1, 7], 1),
  layer('inception', 17, 192, 192, [7, 1], 1),
  layer('inception', 8, 1280, 320, [1, 1], 1),
  layer('inception', 8, 384, 384, [1, 3], 1),
  layer('inception', 8, 448, 384, [3, 3], 1),
  layer('mobilenet', 224, 3, 32, [3, 3], 2),
  layer('mobilenet', 112, 32, 64, [1, 1], 1),
  layer('mobilenet', 112, 32, 16, [1, 1], 1),
  layer('mobilenet', 112, 16, 96, [1, 1], 1, { cap: 200 }),
  layer('mobilenet', 56, 24, 144, [1, 1], 1, { cap: 200 }),
  layer('mobilenet', 56, 144, 24, [1, 1], 1),
  layer('mobilenet', 56, 128, 128, [1, 1], 1),
  layer('mobilenet', 28, 256, 256, [1, 1], 1),
  layer('mobilenet', 14, 512, 512, [1, 1], 1),
  layer('mobilenet', 7, 1024, 1024, [1, 1], 1),
  depthwise(112, 32, 1),
  depthwise(112, 64, 2),
  depthwise(112, 96, 2),
  depthwise(56, 128, 1),
  depthwise(56, 144, 1),
  depthwise(28, 256, 1),
  depthwise(28, 256, 2),
  depthwise(14, 512, 1),
  depthwise(14, 512, 1, 5),
  depthwise(7, 1024, 1),
];
