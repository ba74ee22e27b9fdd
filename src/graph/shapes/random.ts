import type { ShapeRule } from '../infer.ts';
import type { OpName } from '../ops/index.ts';
import { asInput, inputShape, numberFrom, shapeFrom } from './dims.ts';

/** The shape is an input. */
const asked =
  (i: number): ShapeRule =>
  (context) => [shapeFrom(context, i)];

/** For each row of logits as many samples as are asked for. */
const samples: ShapeRule = (context) => [[inputShape(context, 0)?.[0] ?? null, numberFrom(context, 1)]];

/** Shapes of random numbers. */
export const randomShapes = {
  Multinomial: samples,
  ParameterizedTruncatedNormal: asked(0),
  RandomCrop: asked(1),
  RandomShuffle: asInput,
  RandomStandardNormal: asked(0),
  RandomUniform: asked(0),
  RandomUniformInt: asked(0),
  StatefulStandardNormal: asked(1),
  StatefulStandardNormalV2: asked(2),
  StatefulTruncatedNormal: asked(2),
  StatefulUniform: asked(2),
  StatefulUniformFullInt: asked(2),
  StatefulUniformInt: asked(2),
  StatelessMultinomial: samples,
  StatelessRandomGetAlg: () => [[]],
  StatelessRandomGetKeyCounter: () => [[1], [2]],
  StatelessRandomGetKeyCounterAlg: () => [[1], [2], []],
  StatelessRandomNormal: asked(0),
  StatelessRandomNormalV2: asked(0),
  StatelessRandomUniform: asked(0),
  StatelessRandomUniformFullInt: asked(0),
  StatelessRandomUniformFullIntV2: asked(0),
  StatelessRandomUniformInt: asked(0),
  StatelessRandomUniformIntV2: asked(0),
  StatelessRandomUniformV2: asked(0),
  StatelessShuffle: asInput,
  StatelessTruncatedNormal: asked(0),
  StatelessTruncatedNormalV2: asked(0),
  TruncatedNormal: asked(0),
} satisfies Partial<Record<OpName, ShapeRule>>;
