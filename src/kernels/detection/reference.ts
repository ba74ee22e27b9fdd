import { UserError } from '../../base/errors.ts';
import { formatShape } from '../../base/shape.ts';
import { numberOf, scalar, type Tensor, tensor } from '../../base/tensor.ts';
import { readAttr } from '../../graph/attr.ts';
import type { OpName } from '../../graph/ops/index.ts';
import { throughFloat32 } from '../math/numeric.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';
import { introsort } from './sort.ts';
import { intersectionOverUnion, type Similarity, suppress } from './suppress.ts';

/** Lowest of float32: every finite score is above it. */
const anyScore = -3.4028234663852886e38;

function checkThreshold(iou: number): number {
  if (!(iou >= 0 && iou <= 1)) throw new UserError(`an iou_threshold of ${iou} is not in [0, 1]`);
  return iou;
}

const vectorOf = (values: readonly number[], size = values.length): Tensor => {
  const data = new Int32Array(size);
  data.set(values);
  return tensor('int32', [size], data);
};

/** Similarity of `count` boxes, and how many there are. */
function boxesOf(boxes: Tensor, scores: Tensor): { similarity: Similarity; count: number } {
  if (boxes.shape.length !== 2 || boxes.shape[1] !== 4 || scores.shape[0] !== boxes.shape[0])
    throw new UserError(`boxes ${formatShape(boxes.shape)} with scores ${formatShape(scores.shape)}`);
  const count = boxes.shape[0]!;
  return { similarity: intersectionOverUnion(boxes.data as Float32Array, count, (i) => 4 * i), count };
}

/** NonMaxSuppression, V2 to V5: thresholds are attributes or inputs, and each version has more outputs. */
const nonMaxSuppression: ReferenceKernel = throughFloat32(([boxes, scores, maxOutput, iou, score, sigma], node) => {
  const { similarity, count } = boxesOf(boxes!, scores!);
  const wanted = numberOf(maxOutput!);
  if (wanted < 0) throw new UserError(`a max_output_size of ${wanted}`);
  const kept = suppress(scores!.data as Float32Array, similarity, {
    limit: Math.min(wanted, count),
    iouThreshold: checkThreshold(iou === undefined ? readAttr(node, 'iou_threshold', 'float', 0.5) : numberOf(iou)),
    scoreThreshold: score === undefined ? anyScore : numberOf(score),
    sigma: sigma === undefined ? 0 : numberOf(sigma),
    ties: 'byBox',
  });
  const size = readAttr(node, 'pad_to_max_output_size', 'bool', false) ? wanted : kept.length;
  const indices = vectorOf(
    kept.map(({ box }) => box),
    size,
  );
  const keptScores = new Float32Array(size);
  keptScores.set(kept.map((box) => box.score));
  const valid = scalar('int32', kept.length);
  if (node.op === 'NonMaxSuppressionV5') return [indices, tensor('float32', [size], keptScores), valid];
  return node.op === 'NonMaxSuppressionV4' ? [indices, valid] : [indices];
});

const withOverlaps: ReferenceKernel = ([overlaps, scores, maxOutput, overlap, score]) => {
  const count = scores!.shape[0]!;
  const data = overlaps!.data as Float32Array;
  if (data.length !== count * count) throw new UserError(`overlaps of shape ${formatShape(overlaps!.shape)}`);
  const kept = suppress(scores!.data as Float32Array, (i, j) => data[i * count + j]!, {
    limit: Math.min(numberOf(maxOutput!), count),
    iouThreshold: numberOf(overlap!),
    scoreThreshold: numberOf(score!),
    sigma: 0,
    ties: 'byBox',
  });
  return [vectorOf(kept.map(({ box }) => box))];
};

type Detection = { readonly score: number; readonly type: number; readonly at: number };
const nothing: Detection = { score: -1, type: -1, at: -1 };

type Combined = {
  readonly perClass: number;
  readonly iouThreshold: number;
  readonly scoreThreshold: number;
};

/** All classes' boxes of picture `n`, best first; ties as TensorFlow's unstable sort leaves them. */
function detect(
  boxes: Tensor,
  scores: Tensor,
  n: number,
  { perClass, iouThreshold, scoreThreshold }: Combined,
): Detection[] {
  const [, count, shared] = boxes.shape as [number, number, number];
  const types = scores.shape[2]!;
  const place = (box: number, type: number) => ((n * count + box) * shared + (shared > 1 ? type : 0)) * 4;
  const limit = Math.min(perClass, count);
  const found = new Array<Detection>(limit * types).fill(nothing);
  const all = scores.data as Float32Array;
  const own = new Float32Array(count);
  const similarityOf = (type: number) =>
    intersectionOverUnion(boxes.data as Float32Array, count, (box) => place(box, type));
  const common = shared > 1 ? undefined : similarityOf(0);
  for (let type = 0; type < types; type++) {
    for (let box = 0; box < count; box++) own[box] = all[(n * count + box) * types + type]!;
    const similarity = common ?? similarityOf(type);
    suppress(own, similarity, { limit, iouThreshold, scoreThreshold, sigma: 0, ties: 'unordered' }).forEach(
      ({ box, score }, i) => {
        found[type * limit + i] = { score, type, at: place(box, type) };
      },
    );
  }
  introsort(found, (a, b) => a.score > b.score);
  return found.filter(({ at }) => at >= 0);
}

/** Suppression class by class, then the best of all classes: boxes, scores, classes and their number. */
const combined: ReferenceKernel = ([boxes, scores, maxPerClass, maxTotal, iou, score], node) => {
  const [batch, count, shared, four] = boxes!.shape;
  const types = scores!.shape[2];
  const fits = four === 4 && scores!.shape.length === 3 && scores!.shape[0] === batch && scores!.shape[1] === count;
  if (!fits || batch === undefined || types === undefined || (shared !== 1 && shared !== types))
    throw new UserError(`boxes ${formatShape(boxes!.shape)} with scores ${formatShape(scores!.shape)}`);
  const { perClass, total } = { perClass: numberOf(maxPerClass!), total: numberOf(maxTotal!) };
  if (perClass <= 0 || total <= 0) throw new UserError(`sizes of ${perClass} per class and ${total} in total`);
  const size = readAttr(node, 'pad_per_class', 'bool', false) ? Math.min(total, perClass * types) : total;
  const clip = readAttr(node, 'clip_boxes', 'bool', true);
  const thresholds = { iouThreshold: checkThreshold(numberOf(iou!)), scoreThreshold: numberOf(score!) };
  const out = outputs(batch, size);
  for (let n = 0; n < batch; n++) {
    const found = detect(boxes!, scores!, n, { perClass, ...thresholds }).slice(0, size);
    out.valid[n] = found.length;
    found.forEach((detection, i) => {
      const at = n * size + i;
      out.scores[at] = detection.score;
      out.classes[at] = detection.type;
      for (let k = 0; k < 4; k++) {
        const coordinate = (boxes!.data as Float32Array)[detection.at + k]!;
        out.boxes[at * 4 + k] = clip ? Math.max(Math.min(coordinate, 1), 0) : coordinate;
      }
    });
  }
  return [
    tensor('float32', [batch, size, 4], out.boxes),
    tensor('float32', [batch, size], out.scores),
    tensor('float32', [batch, size], out.classes),
    tensor('int32', [batch], out.valid),
  ];
};

const outputs = (batch: number, size: number) => ({
  boxes: new Float32Array(batch * size * 4),
  scores: new Float32Array(batch * size),
  classes: new Float32Array(batch * size),
  valid: new Int32Array(batch),
});

/** Choosing among overlapping boxes. */
export const detectionReference = {
  CombinedNonMaxSuppression: combined,
  NonMaxSuppression: nonMaxSuppression,
  NonMaxSuppressionV2: nonMaxSuppression,
  NonMaxSuppressionV3: nonMaxSuppression,
  NonMaxSuppressionV4: nonMaxSuppression,
  NonMaxSuppressionV5: nonMaxSuppression,
  NonMaxSuppressionWithOverlaps: withOverlaps,
} satisfies Partial<Record<OpName, ReferenceKernel>>;
