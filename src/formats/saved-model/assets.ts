import { UserError } from '../../base/errors.ts';
import { inside, readBytes } from '../../base/files.ts';
import { stringTensor } from '../../base/tensor.ts';
import { constNode } from '../../graph/constant.ts';
import { type Graph, type Node, parseValue } from '../../graph/graph.ts';
import { decodeMessage } from '../proto/decode.ts';
import {
  type AssetFileDef,
  AssetFileDefSchema,
  type MetaGraphDef,
} from '../proto/gen/octet/tensorflow/saved_model_pb.ts';

/** The folder of assets in a SavedModel; the graph names them as `assets/FILE`. */
export const assetsFolder = 'assets';

/**
 * The files that a SavedModel carries, and the graph with their paths in place of the nodes that TensorFlow's loader
 * feeds. TF2 and newer TF1 exports list them in the graph's own field, older ones in a collection. Throws `UserError` when a
 * file is missing or its name would leave the folder.
 */
export async function readAssets(
  meta: MetaGraphDef,
  graph: Graph,
  folder: string,
): Promise<{ graph: Graph; assets: ReadonlyMap<string, Uint8Array> }> {
  const assets = new Map<string, Uint8Array>();
  const replaced = new Map<string, Node>();
  for (const { tensorInfo, filename } of assetFiles(meta)) {
    const tensor = tensorInfo?.encoding.case === 'name' ? tensorInfo.encoding.value : '';
    const { node: name } = parseValue(tensor);
    const node = graph.nodes.get(name);
    if (node === undefined) continue;
    if (filename === '') throw new UserError('an asset has no file name', { file: folder, node: name });
    const path = `${assetsFolder}/${filename}`;
    if (!assets.has(path)) assets.set(path, await readBytes(inside(`${folder}/${assetsFolder}`, filename)));
    replaced.set(name, { ...constNode(name, stringTensor([path], [])), controls: node.controls });
  }
  const nodes = [...graph.nodes.values()].map((node) => replaced.get(node.name) ?? node);
  return { graph: graph.with(nodes), assets };
}

function assetFiles(meta: MetaGraphDef): readonly AssetFileDef[] {
  if (meta.assetFileDef.length > 0) return meta.assetFileDef;
  const kind = meta.collectionDef.find(({ key }) => key === 'saved_model_assets')?.value?.kind;
  if (kind?.case !== 'anyList') return [];
  return kind.value.value.map(({ value }) => decodeMessage(AssetFileDefSchema, value));
}
