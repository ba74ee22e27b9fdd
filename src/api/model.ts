import type { Tensor } from '../base/tensor.ts';
import { type LoadOptions, load as read } from '../formats/load.ts';
import { save } from '../formats/save.ts';
import type { Node } from '../graph/graph.ts';
import type { Model } from '../graph/model.ts';
import type { OpName } from '../graph/ops/index.ts';
import { reference } from '../kernels/reference.ts';

/** A model with a way to be saved: what the public functions take and give. */
export type SavableModel = Model & {
  /**
   * Writes the model whole or not at all: `.pb`, `.pbtxt`, or a SavedModel where `path` names a folder. Throws `UserError`
   * naming the path when it can't be written.
   */
  readonly save: (path: string) => Promise<void>;
};

export const savable = (model: Model): SavableModel => ({ ...model, save: (path) => save(model, path) });

/** Reads a model: GraphDef (`.pb`, `.pbtxt`), SavedModel folder, or TF.js graph model (`model.json`). */
export const load = async (path: string, options: LoadOptions = {}): Promise<SavableModel> =>
  savable(await read(path, options));

/** Computes one node of constants with the reference kernels; undefined for ops that are more than a function. */
export function evaluateNode(node: Node, inputs: readonly Tensor[]): readonly Tensor[] | undefined {
  const kernel = Object.hasOwn(reference, node.op) ? reference[node.op as OpName] : undefined;
  if (typeof kernel !== 'function') return undefined;
  return kernel(inputs, node, { session: new Map(), run: new Map(), assets: new Map() });
}
