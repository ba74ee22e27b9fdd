import { fileURLToPath } from 'node:url';
import { type Tensor, tensor } from '../../src/index.ts';
import { cocoLabels } from './coco.ts';

/** Something to draw on a photograph; coordinates from 0 to 1. */
export type Mark =
  | {
      readonly kind: 'box';
      readonly left: number;
      readonly top: number;
      readonly right: number;
      readonly bottom: number;
      readonly label: string;
      readonly score: number;
      readonly hue: number;
    }
  | { readonly kind: 'line'; readonly from: readonly [number, number]; readonly to: readonly [number, number] };

/** A published model with what its inputs and outputs mean. */
export type DemoModel = {
  readonly name: string;
  readonly file: string;
  readonly what: string;
  readonly size: number;
  readonly input: (pixels: Uint8Array) => Tensor;
  /** What is found, from the outputs in the model's order. */
  readonly marks: (outputs: readonly Tensor[]) => readonly Mark[];
  /** The output whose SQNR is quoted. */
  readonly compared: string;
  /** What stays in fp32. */
  readonly excludeNodes?: readonly RegExp[];
  /** Which photograph is shown, and the square of it that the model sees where it is for a single person. */
  readonly shown: number;
  readonly square?: boolean;
};

const published = (name: string): string =>
  fileURLToPath(new URL(`../../node_modules/@vladmandic/human/models/${name}.json`, import.meta.url));

const minScore = 0.3;

/** Rows of [left, top, right, bottom] in pixels of the input, score, category. */
function boxes([detections]: readonly Tensor[]): Mark[] {
  const rows = detections!.data as Float32Array;
  return Array.from({ length: rows.length / 6 }, (_, i) => rows.subarray(6 * i, 6 * i + 6)).flatMap((row): Mark[] => {
    const [left, top, right, bottom, score, category] = row as unknown as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    if (score < minScore) return [];
    const label = cocoLabels[category] ?? String(category);
    return [
      {
        kind: 'box',
        left: left / 512,
        top: top / 512,
        right: right / 512,
        bottom: bottom / 512,
        label,
        score,
        hue: (category * 137) % 360,
      },
    ];
  });
}

/** The bones between the 17 keypoints of the COCO pose. */
const bones = [
  [0, 1],
  [0, 2],
  [1, 3],
  [2, 4],
  [5, 6],
  [5, 7],
  [7, 9],
  [6, 8],
  [8, 10],
  [5, 11],
  [6, 12],
  [11, 12],
  [11, 13],
  [13, 15],
  [12, 14],
  [14, 16],
] as const;

/** Rows of [y, x, score] from 0 to 1. */
function pose([keypoints]: readonly Tensor[]): Mark[] {
  const rows = keypoints!.data as Float32Array;
  const point = (i: number) => [rows[3 * i + 1]!, rows[3 * i]!] as const;
  const isSeen = (i: number) => rows[3 * i + 2]! >= 0.2;
  return bones.flatMap(([a, b]): Mark[] =>
    isSeen(a) && isSeen(b) ? [{ kind: 'line', from: point(a), to: point(b) }] : [],
  );
}

export const demoModels: readonly DemoModel[] = [
  {
    name: 'CenterNet',
    file: published('centernet'),
    what: 'objects of COCO',
    size: 512,
    input: (pixels) => tensor('float32', [1, 512, 512, 3], Float32Array.from(pixels)),
    marks: boxes,
    compared: 'tower_0/keypoints',
    // MobileNet-v3's first blocks lose most in int8 (`octet compare --sort`): their channels differ much in magnitude.
    excludeNodes: [/MobilenetV3\/(Conv|expanded_conv(_[1-5])?)\//],
    shown: 0,
  },
  {
    name: 'MoveNet Lightning',
    file: published('movenet-lightning'),
    what: 'the pose of a person',
    size: 192,
    input: (pixels) => tensor('int32', [1, 192, 192, 3], Int32Array.from(pixels)),
    marks: pose,
    compared: 'Identity:0',
    shown: 3,
    square: true,
  },
];
