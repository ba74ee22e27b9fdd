import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import { dtypes } from '../../base/dtype.ts';
import { inside, writeFolder } from '../../base/files.ts';
import { textAt } from '../../base/tensor.ts';
import { freshName } from '../../graph/builder.ts';
import { constTensor } from '../../graph/constant.ts';
import type { Graph, Node } from '../../graph/graph.ts';
import type { Endpoint, Model } from '../../graph/model.ts';
import { defOfGraph } from '../graph-def/graph-def.ts';
import { writeShape } from '../graph-def/shape.ts';
import {
  type AssetFileDef,
  AssetFileDefSchema,
  MetaGraphDefSchema,
  SavedModelSchema,
  type SignatureDef,
  SignatureDefSchema,
  type TensorInfo,
  TensorInfoSchema,
} from '../proto/gen/octet/tensorflow/saved_model_pb.ts';
import type { DataType } from '../proto/gen/octet/tensorflow/tensor_pb.ts';
import { assetsFolder } from './assets.ts';

/**
 * Writes a model as a SavedModel folder that TensorFlow loads: its frozen graph, its signature under its own name (or
 * `serving_default`), its initializers and assets; it has no variables. The folder is written whole or not at all.
 */
export async function writeSavedModel(model: Model, folder: string): Promise<void> {
  const bytes = savedModelOf(model);
  await writeFolder(folder, async (temporary) => {
    for (const [path, contents] of model.assets) {
      const file = inside(`${temporary}/${assetsFolder}`, fileOf(path));
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, contents);
    }
    await writeFile(`${temporary}/saved_model.pb`, bytes);
  });
}

/** In a SavedModel, assets lie in one folder; the path inside of it. */
const fileOf = (path: string): string =>
  path.startsWith(`${assetsFolder}/`) ? path.slice(assetsFolder.length + 1) : path;

function savedModelOf(model: Model): Uint8Array {
  const { graph, main } = withMainOp(model);
  const signatures = [{ key: model.signature ?? 'serving_default', value: signatureOf(model) }];
  if (main !== undefined) signatures.push({ key: '__saved_model_init_op', value: initSignature(main) });
  const meta = create(MetaGraphDefSchema, {
    metaInfoDef: { tags: ['serve'] },
    graphDef: defOfGraph(graph),
    signatureDef: signatures,
    assetFileDef: assetFiles(model),
    // TensorFlow 1's loader looks for the initializer here.
    collectionDef:
      main === undefined
        ? []
        : [{ key: 'saved_model_main_op', value: { kind: { case: 'nodeList', value: { value: [main] } } } }],
  });
  return toBinary(SavedModelSchema, create(SavedModelSchema, { savedModelSchemaVersion: 1n, metaGraphs: [meta] }));
}

/** One node that runs all initializers, which is what a SavedModel can name. */
function withMainOp({ graph, initializers }: Model): { graph: Graph; main?: string } {
  const [first, ...others] = initializers;
  if (first === undefined) return { graph };
  if (others.length === 0) return { graph, main: first };
  const main = freshName('init_all', (taken) => graph.nodes.has(taken));
  const node: Node = { name: main, op: 'NoOp', inputs: [], controls: initializers, attrs: new Map() };
  return { graph: graph.with([...graph.nodes.values(), node]), main };
}

const signatureOf = ({ inputs, outputs }: Model): SignatureDef =>
  create(SignatureDefSchema, {
    inputs: inputs.map((end) => ({ key: end.key, value: infoOf(end) })),
    outputs: outputs.map((end) => ({ key: end.key, value: infoOf(end) })),
    methodName: 'tensorflow/serving/predict',
  });

/** Signatures always write the port: `node:0`. */
const infoOf = ({ value, dtype, shape }: Pick<Endpoint, 'value' | 'dtype' | 'shape'>): TensorInfo =>
  create(TensorInfoSchema, {
    encoding: { case: 'name', value: `${value.node}:${value.port}` },
    dtype: dtypes[dtype].tf as DataType,
    tensorShape: writeShape(shape),
  });

const initSignature = (main: string): SignatureDef =>
  create(SignatureDefSchema, {
    outputs: [
      {
        key: '__saved_model_init_op',
        value: { encoding: { case: 'name', value: main }, tensorShape: writeShape(null) },
      },
    ],
  });

/** TensorFlow's loader feeds these constants with the files' paths, wherever the folder is. */
function assetFiles({ graph, assets }: Model): AssetFileDef[] {
  return [...graph.nodes.values()].flatMap((node) => {
    const tensor = node.op === 'Const' ? constTensor(node) : undefined;
    if (tensor?.dtype !== 'string' || tensor.data.length !== 1) return [];
    const path = textAt(tensor, 0);
    if (!assets.has(path)) return [];
    const tensorInfo = infoOf({ value: { node: node.name, port: 0 }, dtype: 'string', shape: tensor.shape });
    return [create(AssetFileDefSchema, { tensorInfo, filename: fileOf(path) })];
  });
}
