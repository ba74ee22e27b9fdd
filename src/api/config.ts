import type { Model } from '../graph/model.ts';
import { type Config, resolveConfig } from '../quantize/config.ts';
import { layersOf } from '../quantize/layers.ts';
import type { Method } from '../quantize/observers/methods.ts';
import type { QuantizeOptions } from '../quantize/options.ts';
import { quantizeGraph } from '../quantize/quantize-graph.ts';
import { optimize } from './optimize.ts';

/** What a configuration says, in the terms of the pipeline. */
export type Configured = Pick<QuantizeOptions, 'excludeNodes' | 'granularity' | 'methods' | 'perChannel'> & {
  readonly samples?: number;
  readonly method?: Method;
} & Pick<Config, 'effort' | 'corrections'>;

/**
 * Finds the nodes of `model`, once it is optimized, that a configuration is about. A method that is wanted of a convolution
 * or matmul is meant for what comes out behind its bias and relu. Throws `UserError` naming a rule that finds no node.
 */
export function configure(model: Model, config: Config): Configured {
  const a = optimize(model);
  const { excludeNodes, weights, methods } = resolveConfig(config, a.graph);
  const values = new Map(layersOf(quantizeGraph(a).graph).map(({ origin, key }) => [origin, key]));
  return {
    excludeNodes,
    granularity: weights,
    methods: new Map([...methods].map(([name, method]) => [values.get(name) ?? name, method])),
    ...(config.weights && { perChannel: config.weights === 'per-channel' }),
    ...(config.samples && { samples: config.samples }),
    ...(config.method && { method: config.method }),
    ...(config.effort && { effort: config.effort }),
    ...(config.corrections && { corrections: config.corrections }),
  };
}
