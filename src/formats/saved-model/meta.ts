import { dtypeOfNumber } from '../../base/dtype.ts';
import { UnsupportedError, UserError } from '../../base/errors.ts';
import { parseValue } from '../../graph/graph.ts';
import type { Endpoint } from '../../graph/model.ts';
import { readContext } from '../graph-def/context.ts';
import { readShape } from '../graph-def/shape.ts';
import type {
  MetaGraphDef,
  SavedModel,
  SignatureDef,
  SignatureDef_TensorInfoEntry,
} from '../proto/gen/octet/tensorflow/saved_model_pb.ts';

/** The graph of a SavedModel that has exactly these tags; `serve` unless others are wanted. Throws `UserError`. */
export function chooseMetaGraph(model: SavedModel, tags: readonly string[] | undefined, file: string): MetaGraphDef {
  const tagsOf = (meta: MetaGraphDef) => meta.metaInfoDef?.tags ?? [];
  const wanted = tags ?? ['serve'];
  const found = model.metaGraphs.find((meta) => {
    const has = new Set(tagsOf(meta));
    return has.size === new Set(wanted).size && wanted.every((tag) => has.has(tag));
  });
  if (found !== undefined) return found;
  const [only, ...others] = model.metaGraphs;
  if (only !== undefined && others.length === 0 && tags === undefined) return only;
  const there = model.metaGraphs.map((meta) => `[${tagsOf(meta).join(', ')}]`).join(', ');
  throw new UserError(`has no graph with the tags [${wanted.join(', ')}]`, { file }, `there are: ${there || 'none'}`);
}

/** Names that TensorFlow gives to what is no signature: the initializer, and where training starts. */
const isInternal = (key: string): boolean => key === initOp || key === '__saved_model_train_op';
const initOp = '__saved_model_init_op';

/** The signature called `wanted`, else `serving_default`, else the only one. Throws `UserError` listing those there are. */
export function chooseSignature(
  meta: MetaGraphDef,
  wanted: string | undefined,
  file: string,
): { key: string; signature: SignatureDef } {
  const all = meta.signatureDef.filter(({ key }) => !isInternal(key));
  // What Keras names its own entry, where there is no default.
  const tried =
    wanted !== undefined ? [wanted] : ['serving_default', 'serve', ...(all.length === 1 ? [all[0]!.key] : [])];
  for (const key of tried) {
    const found = all.find((entry) => entry.key === key && entry.value !== undefined);
    if (found?.value !== undefined) return { key, signature: found.value };
  }
  const there = all.map(({ key }) => key).join(', ');
  const what = wanted === undefined ? "has no signature 'serving_default'" : `has no signature '${wanted}'`;
  throw new UserError(what, { file }, there === '' ? 'export it with a signature' : `choose one of: ${there}`);
}

/** The ends that a signature names, sorted by key. Throws on sparse and composite tensors, which are several values. */
export function endpointsOf(entries: readonly SignatureDef_TensorInfoEntry[], file: string): Endpoint[] {
  const composite = entries.filter(({ value }) => value?.encoding.case !== 'name');
  if (composite.length > 0) {
    const cases = composite.map(({ key }) => ({ file, what: `'${key}' of the signature is no plain tensor` }));
    throw new UnsupportedError(cases, 'name its parts by --inputs and --outputs');
  }
  const ends = entries.map(({ key, value: info }): Endpoint => {
    const dtype = dtypeOfNumber(info!.dtype);
    if (dtype === undefined) throw new UserError(`'${key}' of the signature has the type ${info!.dtype}`, { file });
    const at = parseValue(String(info!.encoding.value));
    const context = readContext(0, file);
    return { key, value: at, dtype, shape: info!.tensorShape ? readShape(info!.tensorShape, context) : null };
  });
  return ends.sort((a, b) => (a.key < b.key ? -1 : 1));
}

const collection = (meta: MetaGraphDef, name: string): readonly string[] => {
  const kind = meta.collectionDef.find(({ key }) => key === name)?.value?.kind;
  return kind?.case === 'nodeList' ? kind.value.value : [];
};

/** The nodes to run once before the first inference, as TF2 names them, TF1, or TF1 before 1.5. */
export function initializersOf(meta: MetaGraphDef): string[] {
  const signature = meta.signatureDef.find(({ key }) => key === initOp)?.value;
  const named = signature?.outputs.flatMap(({ value }) =>
    value?.encoding.case === 'name' ? [value.encoding.value] : [],
  );
  const names = [named ?? [], collection(meta, 'saved_model_main_op'), collection(meta, 'legacy_init_op')];
  const found = names.find((list) => list.length > 0) ?? [];
  return found.map((name) => parseValue(name).node);
}

/** The op that restores all variables. */
export const restoreOp = (meta: MetaGraphDef): string[] =>
  meta.saverDef === undefined || meta.saverDef.restoreOpName === '' ? [] : [meta.saverDef.restoreOpName];
