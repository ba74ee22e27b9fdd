import type { Tensor } from '../base/tensor.ts';
import type { Node } from '../graph/graph.ts';
import type { Model } from '../graph/model.ts';
import type { Feeds } from '../graph/runner.ts';
import { optimize } from '../optimize/index.ts';
import { type CalibrateOptions, calibrate } from './calibrate.ts';
import { freezeRanges } from './freeze.ts';
import { fuseGraph } from './fuse.ts';
import type { QuantizeOptions } from './options.ts';
import { quantizeGraph } from './quantize-graph.ts';
import type { Ranges } from './ranges.ts';
import { sitesOf } from './sites.ts';

/** The stages of figure 1: (a) optimized fp32, (b) quantized on the ranges of each run, (c) calibrated and fused. */
export type Stages = { readonly a: Model; readonly b: Model; readonly c: Model; readonly ranges: Ranges };

export type PipelineOptions = QuantizeOptions &
  CalibrateOptions & {
    readonly samples: AsyncIterable<Feeds>;
    /** Computes a node of constants, for constant folding. */
    readonly evaluate: (node: Node, inputs: readonly Tensor[]) => readonly Tensor[] | undefined;
  };

/** The whole pipeline: optimize → quantize → calibrate → fuse. */
export async function quantizeModel(model: Model, options: PipelineOptions): Promise<Stages> {
  const a = optimize(model, { evaluate: options.evaluate });
  const keys = sitesOf(quantizeGraph(a, options).graph).map((site) => site.key);
  const ranges = await calibrate(a, keys, options.samples, options);
  const isNonNegative = (key: string) => (ranges.ranges.get(key)?.min ?? -1) >= 0;
  const b = quantizeGraph(a, { ...options, isNonNegative });
  return { a, b, c: finish(b, ranges, options), ranges };
}

/** Figure 1b → 1c: freezes the ranges, folds what has become constant, fuses. */
export function finish(b: Model, ranges: Ranges, { evaluate }: Pick<PipelineOptions, 'evaluate'>): Model {
  return fuseGraph(optimize(freezeRanges(b, ranges), { passes: ['fold-constants'], evaluate }));
}
