import { dirname } from 'node:path';
import { messageOf, UserError } from '../../base/errors.ts';
import { readBytes } from '../../base/files.ts';
import type { Tensor } from '../../base/tensor.ts';
import { readAttr } from '../../graph/attr.ts';
import { constNode } from '../../graph/constant.ts';
import type { Graph, Node } from '../../graph/graph.ts';
import type { Endpoint, Model } from '../../graph/model.ts';
import { type EndpointOptions, inputsOf, outputsOf } from '../endpoints.ts';
import { readContext } from '../graph-def/context.ts';
import { graphOfDef } from '../graph-def/graph-def.ts';
import { tableInitializers } from '../initializers.ts';
import { type GraphDef, GraphDefSchema } from '../proto/gen/octet/tensorflow/graph_pb.ts';
import { type SignatureDef_TensorInfoEntry, SignatureDefSchema } from '../proto/gen/octet/tensorflow/saved_model_pb.ts';
import { endpointsOf } from '../saved-model/meta.ts';
import { expandFused } from './expand.ts';
import { isRecord, messageOfJson } from './json.ts';
import { promoted, readWeights } from './weights.ts';

/**
 * A TensorFlow.js graph model: `model.json` (a GraphDef as JSON) and the weight files beside it, in TensorFlow's own ops and
 * types: what the converter fused is taken apart, int64 and float64 are what they were. Throws `UserError` naming file,
 * node or weight; for layers models and bare weight manifests, which hold no graph, it says what to do.
 */
export async function readTfjsModel(file: string, options: EndpointOptions = {}): Promise<Model> {
  const bytes = await readBytes(file);
  const json = parse(bytes, file);
  const def = messageOfJson(GraphDefSchema, json.modelTopology, file);
  if (isRecord(json.modelInitializer)) addInitializer(def, messageOfJson(GraphDefSchema, json.modelInitializer, file));
  const weights = await readWeights(json.weightsManifest, dirname(file), file);
  const graph = expandFused(graphWithWeights(def, weights, bytes.length, file));
  const { inputs, outputs } = ends(json, graph, options, file);
  return { graph, inputs, outputs, initializers: tableInitializers(graph), assets: new Map() };
}

function parse(bytes: Uint8Array, file: string): Readonly<Record<string, unknown>> {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new UserError(`is no JSON: ${messageOf(error)}`, { file }, 'the file may be truncated', { cause: error });
  }
  const topology = isRecord(json) ? json.modelTopology : undefined;
  if (isRecord(json) && isRecord(topology) && Array.isArray(topology.node)) return json;
  if (Array.isArray(json) && json.some((group) => isRecord(group) && 'weights' in group))
    throw new UserError(
      'is a list of weights without a graph',
      { file },
      'the code that comes with it holds the network',
    );
  if (isRecord(json) && (json.format === 'layers-model' || isRecord(topology)))
    throw new UserError(
      'is a TensorFlow.js layers model',
      { file },
      'convert it: tensorflowjs_converter --input_format tfjs_layers_model --output_format tfjs_graph_model',
    );
  throw new UserError('is no TensorFlow.js graph model', { file }, 'give the model.json that has a modelTopology');
}

/** The graph that fills the model's tables stands apart; both share the nodes that are the tables. */
function addInitializer(def: GraphDef, initializer: GraphDef): void {
  const names = new Set(def.node.map((node) => node.name));
  def.node.push(...initializer.node.filter((node) => !names.has(node.name)));
}

/** The converter moved the values of constants into the weight files. */
function graphWithWeights(def: GraphDef, weights: ReadonlyMap<string, Tensor>, size: number, file: string): Graph {
  for (const node of def.node)
    if (node.op === 'Const' && weights.has(node.name)) node.attr = node.attr.filter(({ key }) => key !== 'value');
  // Converted graphs have lost their version, without which TensorFlow takes them for ancient.
  if ((def.versions?.producer ?? 0) === 0) def.versions = undefined;
  const graph = graphOfDef(def, readContext(size, file));
  return graph.with([...graph.nodes.values()].map((node) => withWeight(node, weights, file)));
}

function withWeight(node: Node, weights: ReadonlyMap<string, Tensor>, file: string): Node {
  if (node.op !== 'Const' || node.attrs.has('value')) return node;
  const weight = weights.get(node.name);
  if (weight === undefined) throw new UserError('the weights do not have this constant', { file, node: node.name });
  const dtype = readAttr(node, 'dtype', 'type', weight.dtype);
  const tensor = promoted(weight, dtype);
  if (tensor === undefined)
    throw new UserError(`is ${dtype} in the graph and ${weight.dtype} in the weights`, { file, node: node.name });
  return { ...constNode(node.name, tensor), controls: node.controls };
}

function ends(
  json: Readonly<Record<string, unknown>>,
  graph: Graph,
  options: EndpointOptions,
  file: string,
): { inputs: readonly Endpoint[]; outputs: readonly Endpoint[] } {
  const metadata = isRecord(json.userDefinedMetadata) ? json.userDefinedMetadata.signature : undefined;
  const found = [json.signature, metadata].find((s) => isRecord(s) && isRecord(s.outputs));
  const signature = found === undefined ? undefined : messageOfJson(SignatureDefSchema, found, file);
  const named = (entries: readonly SignatureDef_TensorInfoEntry[]) =>
    endpointsOf(entries, file).filter((end) => graph.nodes.has(end.value.node));
  const inputs = options.inputs === undefined && signature ? named(signature.inputs) : inputsOf(graph, options.inputs);
  const outputs =
    options.outputs === undefined && signature ? named(signature.outputs) : outputsOf(graph, options.outputs);
  return { inputs, outputs };
}
