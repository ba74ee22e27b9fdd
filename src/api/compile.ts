import type { Model } from '../graph/model.ts';
import { compile as open, type CompileOptions as RunOptions, type Session } from '../runtime/session.ts';
import { isOptimized, optimize } from './optimize.ts';

export type CompileOptions = RunOptions & {
  /** `false` runs an fp32 graph as it is written, batch norms and all, instead of optimizing it first. */
  readonly optimize?: boolean;
};

/**
 * Prepares a model to be run for all its outputs; an fp32 model is optimized first, unless that was done before.
 *
 *     const session = await compile(model);
 *     const { predictions } = await session.run({ input: pixels });
 *
 * Throws `UserError` on options that are wrong, and where no backend can run the model.
 */
export const compile = (
  model: Model,
  { optimize: isWanted = true, ...options }: CompileOptions = {},
): Promise<Session> => open(isWanted ? toRun(model) : model, options);

/** The model as it is run: int8 models, whose bytes are TensorFlow's, as they are. */
export const toRun = (model: Model): Model => (isOptimized(model) || isInt8(model) ? model : optimize(model));

const isInt8 = ({ graph }: Model): boolean =>
  [...graph.nodes.values()].some(({ op }) => /^_?(Fused)?(Quantized|Quantize|Requantize)/.test(op));
