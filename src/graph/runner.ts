import type { Tensor } from '../base/tensor.ts';
import type { Value } from './graph.ts';
import type { Model } from './model.ts';

/** One sample (or batch) of a model's inputs, by the inputs' keys. */
export type Feeds = ReadonlyMap<string, Tensor>;

/** Something that runs a model for chosen values: what calibration and evaluation need of any backend. */
export type Runner = {
  /** The fetched values, in the order they were asked for. */
  readonly run: (feeds: Feeds) => Promise<readonly Tensor[]>;
  readonly dispose: () => void;
};

/** Prepares a model to be run for `fetches`: any values of its graph, not only its outputs. */
export type OpenRunner = (model: Model, fetches: readonly Value[]) => Promise<Runner>;
