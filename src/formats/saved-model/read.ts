import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { UserError } from '../../base/errors.ts';
import { readBytes } from '../../base/files.ts';
import { constNode, constTensor } from '../../graph/constant.ts';
import { Graph, type Node, value } from '../../graph/graph.ts';
import type { Endpoint, Model } from '../../graph/model.ts';
import { type EndpointOptions, inputsOf, outputsOf } from '../endpoints.ts';
import { readContext } from '../graph-def/context.ts';
import { graphOfDef } from '../graph-def/graph-def.ts';
import { decodeMessage } from '../proto/decode.ts';
import { GraphDefSchema } from '../proto/gen/octet/tensorflow/graph_pb.ts';
import { type MetaGraphDef, type SavedModel, SavedModelSchema } from '../proto/gen/octet/tensorflow/saved_model_pb.ts';
import { readAssets } from './assets.ts';
import { type Bundle, openBundle } from './bundle.ts';
import { freezeVariables } from './freeze.ts';
import { type Inlined, inlineCalls } from './inline.ts';
import { chooseMetaGraph, chooseSignature, endpointsOf, initializersOf, restoreOp } from './meta.ts';
import { reachable, usedLibrary } from './reach.ts';
import { isVariable, keysByName, restoredFrom, restoredVariables, type Source, sourceByName } from './variables.ts';

export type SavedModelOptions = EndpointOptions & {
  /** `serving_default` unless another is named; not used where inputs and outputs are. */
  readonly signature?: string;
  /** `serve` unless others are named. */
  readonly tags?: readonly string[];
};

/**
 * The SavedModel in `folder`, TensorFlow 1 or 2, as a frozen model: calls inlined, variables constants, only what the
 * signature needs. Throws `UserError` naming file, node or tensor and what to do.
 */
export async function readSavedModel(folder: string, options: SavedModelOptions = {}): Promise<Model> {
  const file = join(folder, 'saved_model.pb');
  const bytes = await readBytes(file);
  return freezeSavedModel(decodeMessage(SavedModelSchema, bytes, file), bytes.length, folder, file, options);
}

/** The same for a SavedModel that has been read (from text). `size` is the file's, in bytes. */
export async function freezeSavedModel(
  proto: SavedModel,
  size: number,
  folder: string,
  file: string,
  options: SavedModelOptions,
): Promise<Model> {
  try {
    const meta = chooseMetaGraph(proto, options.tags, file);
    const source = graphOfDef(meta.graphDef ?? create(GraphDefSchema), readContext(size, file));
    const { graph, assets } = await readAssets(meta, source, folder);
    const ends = chooseEnds(meta, graph, file, options);
    return { ...(await freeze(meta, graph, folder, ends)), assets };
  } catch (error) {
    if (error instanceof UserError && error.place.file === undefined && error.name === 'UserError')
      throw new UserError(error.what, { file, ...error.place }, error.remedy, { cause: error });
    throw error;
  }
}

type Ends = Pick<Model, 'inputs' | 'outputs' | 'signature'>;

function chooseEnds(meta: MetaGraphDef, graph: Graph, file: string, options: SavedModelOptions): Ends {
  if (options.inputs !== undefined && options.outputs !== undefined)
    return { inputs: inputsOf(graph, options.inputs), outputs: outputsOf(graph, options.outputs) };
  const { key, signature } = chooseSignature(meta, options.signature, file);
  return {
    inputs: options.inputs === undefined ? endpointsOf(signature.inputs, file) : inputsOf(graph, options.inputs),
    outputs: options.outputs === undefined ? endpointsOf(signature.outputs, file) : outputsOf(graph, options.outputs),
    signature: key,
  };
}

async function freeze(meta: MetaGraphDef, graph: Graph, folder: string, ends: Ends): Promise<Omit<Model, 'assets'>> {
  const initializers = initializersOf(meta);
  for (const { key, value: at } of [...ends.inputs, ...ends.outputs])
    if (!graph.nodes.has(at.node))
      throw new UserError(`the signature's '${key}' is not in the graph`, { node: at.node });
  const named = [...ends.inputs, ...ends.outputs].map((end) => end.value.node);
  const inlined = inlineCalls(graph.with(reachable(graph, [...named, ...initializers, ...restoreOp(meta)])));
  const resolved = (end: Endpoint): Endpoint => ({ ...end, value: inlined.resolve(end.value) });
  const inputs = ends.inputs.map(resolved);
  const outputs = ends.outputs.map(resolved);
  const bundle = await bundleOf(folder);
  const restored = restoredVariables(inlined.graph);
  const imports = await tableImports(inlined, bundle);
  const start = [...initializers, ...imports.roots];
  const roots = [...inputs, ...outputs].map((end) => end.value.node);
  const needed = withInitializers(inlined.graph, roots, start, imports.nodes);
  const variables = await frozenVariables(needed, restored, () => keysByName(meta.objectGraphDef, bundle), bundle);
  const frozen = freezeVariables(needed, (variable) => variables.get(variable.name)!);
  const initial = effective(frozen, start);
  const nodes = reachable(frozen, [...roots, ...initial]);
  const { extra } = frozen;
  const kept = new Graph(nodes, usedLibrary(frozen.with(nodes)), extra);
  return { ...ends, graph: kept, inputs, outputs, initializers: initial };
}

const noBundle: Bundle = {
  has: () => false,
  keys: () => [],
  read: (key) => Promise.reject(new UserError('the model has no checkpoint', { node: key }, 'export it again')),
};

/** A model without variables has no checkpoint. */
async function bundleOf(folder: string): Promise<Bundle> {
  const prefix = join(folder, 'variables', 'variables');
  return existsSync(`${prefix}.index`) ? openBundle(prefix) : noBundle;
}

/** Hash tables whose entries are in the checkpoint: what fills them becomes an initializer that reads constants. */
async function tableImports({ graph }: Inlined, bundle: Bundle): Promise<{ roots: string[]; nodes: Node[] }> {
  const roots: string[] = [];
  const nodes: Node[] = [];
  for (const node of graph.nodes.values()) {
    if (node.op !== 'LookupTableImportV2') continue;
    const sources = node.inputs.slice(1).map((v) => restoredFrom(graph, v));
    if (sources.some((source) => source === undefined)) continue;
    const constants: Node[] = [];
    for (const [i, source] of sources.entries())
      constants.push(constNode(`${node.name}/restored_${i}`, await bundle.read(source!.key, source!.slice)));
    nodes.push(...constants, {
      ...node,
      inputs: [node.inputs[0]!, ...constants.map((c) => value(c.name))],
      controls: [],
    });
    roots.push(node.name);
  }
  return { roots, nodes };
}

/** What is needed to run and to initialize; initializers that assign variables only order what follows. */
function withInitializers(graph: Graph, roots: string[], start: readonly string[], replaced: readonly Node[]): Graph {
  const nodes = new Map(graph.nodes);
  for (const node of replaced) nodes.set(node.name, node);
  const whole = graph.with(nodes.values());
  const initial = new Set(reachable(whole, start).map((node) => node.name));
  const needed = reachable(whole, [...roots, ...start]).map((node): Node => {
    const assigns = initial.has(node.name) && (node.op === 'Assign' || node.op === 'AssignVariableOp');
    if (!assigns) return node;
    // Not an input of its own, but what a variable without a checkpoint takes its value from must stay.
    const waits = node.inputs.slice(1).map((v) => v.node);
    return { ...node, op: 'NoOp', inputs: [], controls: [...node.controls, ...waits], attrs: new Map() };
  });
  return whole.with(needed);
}

async function frozenVariables(
  graph: Graph,
  restored: ReadonlyMap<string, Source>,
  keys: () => Promise<ReadonlyMap<string, string>>,
  bundle: Bundle,
): Promise<Map<string, Node>> {
  const frozen = new Map<string, Node>();
  let names: ReadonlyMap<string, string> | undefined;
  for (const node of graph.nodes.values()) {
    if (!isVariable(node)) continue;
    let source = restored.get(node.name);
    if (source === undefined) {
      names ??= await keys();
      source = sourceByName(node, names, bundle);
    }
    if ('key' in source) {
      const tensor = await bundle.read(source.key, source.slice);
      frozen.set(node.name, withDevice(constNode(node.name, tensor), node));
    } else {
      const attrs = new Map([['T', node.attrs.get('dtype')!] as const]);
      frozen.set(node.name, { name: node.name, op: 'Identity', inputs: [source.value], controls: [], attrs });
    }
  }
  return frozen;
}

const withDevice = (node: Node, from: Node): Node =>
  from.device === undefined ? node : { ...node, device: from.device };

/** Those initializers that do something: exporters name a NoOp where there is nothing to do. */
function effective(graph: Graph, start: readonly string[]): string[] {
  const acts = (node: Node) => constTensor(node) === undefined && node.op !== 'NoOp' && node.op !== 'Identity';
  return start.filter((name) => graph.nodes.has(name) && reachable(graph, [name]).some(acts));
}
