import type { Model } from '../../graph/model.ts';
import { inceptionV3 } from './inception.ts';
import type { NetworkOptions } from './layers.ts';
import { mobilenetV1, mobilenetV2 } from './mobilenet.ts';
import { resnet } from './resnet.ts';

export type { NetworkOptions } from './layers.ts';

/** A well-known network that octet can build: the layers are the real ones, the weights are seeded noise. */
export type Architecture = {
  readonly name: string;
  readonly description: string;
  /** Height and width of its input. */
  readonly size: number;
  /** The smallest input that every layer has pixels for. */
  readonly smallest: number;
  readonly build: (options?: NetworkOptions) => Model;
};

// biome-ignore format: one row a network
const table: readonly Architecture[] = [
  { name: 'resnet50',     size: 224, smallest: 32, build: resnet('resnet50'),  description: 'ResNet-50 v1, 25.6 M parameters, 3.86 GMAC' },
  { name: 'resnet101',    size: 224, smallest: 32, build: resnet('resnet101'), description: 'ResNet-101 v1, 44.7 M parameters, 7.57 GMAC' },
  { name: 'inception_v3', size: 299, smallest: 75, build: inceptionV3,         description: 'Inception-v3, 23.9 M parameters, 5.71 GMAC' },
  { name: 'mobilenet_v1', size: 224, smallest: 32, build: mobilenetV1,         description: 'MobileNet-v1, 4.3 M parameters, 0.57 GMAC' },
  { name: 'mobilenet_v2', size: 224, smallest: 32, build: mobilenetV2,         description: 'MobileNet-v2, 3.5 M parameters, 0.30 GMAC' },
];

/** The networks of the speed table, by name. */
export const architectures: ReadonlyMap<string, Architecture> = new Map(table.map((row) => [row.name, row]));
