import { existsSync, type Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { UserError } from '../base/errors.ts';
import { inside, readBytes, unreadable } from '../base/files.ts';
import { type Tensor, textAt } from '../base/tensor.ts';
import { constTensor } from '../graph/constant.ts';
import type { Graph } from '../graph/graph.ts';
import type { Model } from '../graph/model.ts';
import { verify } from '../graph/verify.ts';
import { type EndpointOptions, endpointsAt, inputsOf, outputsOf } from './endpoints.ts';
import { readContext } from './graph-def/context.ts';
import { graphOfDef, readGraphDef } from './graph-def/graph-def.ts';
import { tableInitializers } from './initializers.ts';
import { type Marks, takeMarks } from './marks.ts';
import { decodeMessage } from './proto/decode.ts';
import { GraphDefSchema } from './proto/gen/octet/tensorflow/graph_pb.ts';
import { SavedModelSchema } from './proto/gen/octet/tensorflow/saved_model_pb.ts';
import { freezeSavedModel, readSavedModel, type SavedModelOptions } from './saved-model/read.ts';
import { parseText } from './text/parse.ts';
import { readTfjsModel } from './tfjs/read.ts';

export type LoadOptions = SavedModelOptions;

/**
 * The model at `path`, frozen: a GraphDef (`.pb`, `.pbtxt`), a SavedModel (its folder or its `saved_model.pb`), or a
 * TensorFlow.js graph model (its `model.json`, or the folder that has it). A SavedModel gives the signature
 * `serving_default` unless `signature` names another; elsewhere, and where given, `inputs` and `outputs` name the values,
 * by default placeholders and whatever nothing reads. Throws `UserError` naming file, node and remedy.
 */
export async function load(path: string, options: LoadOptions = {}): Promise<Model> {
  try {
    const model = await read(path, options);
    verify(model.graph);
    return model;
  } catch (error) {
    if (error instanceof UserError && error.name === 'UserError' && error.place.file === undefined)
      throw new UserError(error.what, { file: path, ...error.place }, error.remedy, { cause: error });
    throw error;
  }
}

async function read(path: string, options: LoadOptions): Promise<Model> {
  const info = await statOf(path);
  if (info.isDirectory()) return readFolder(path, options);
  if (info.size > maxFileSize) throw new UserError('is larger than a protobuf can be (2 GiB)', { file: path });
  if (path.endsWith('.json')) return readTfjsModel(path, options);
  const bytes = await readBytes(path);
  if (path.endsWith('.pbtxt')) return readPbtxt(new TextDecoder().decode(bytes), path, options);
  rejectOthers(bytes, path);
  // A SavedModel starts with its schema version, field 1 as a number; a GraphDef's field 1 are nodes.
  if (bytes[0] !== 0x08) return modelOfGraph(readGraphDef(bytes, path), path, options);
  if (basename(path) === 'saved_model.pb') return readSavedModel(dirname(path), options);
  const proto = decodeMessage(SavedModelSchema, bytes, path);
  return freezeSavedModel(proto, bytes.length, dirname(path), path, options);
}

const maxFileSize = 2 ** 31;

async function statOf(path: string): Promise<Stats> {
  try {
    return await stat(path);
  } catch (error) {
    throw unreadable(path, error);
  }
}

async function readFolder(folder: string, options: LoadOptions): Promise<Model> {
  const has = (name: string) => existsSync(join(folder, name));
  if (has('saved_model.pb')) return readSavedModel(folder, options);
  if (has('saved_model.pbtxt')) return read(join(folder, 'saved_model.pbtxt'), options);
  if (has('model.json')) return readTfjsModel(join(folder, 'model.json'), options);
  throw new UserError(
    'the folder holds no model',
    { file: folder },
    'give a SavedModel folder (saved_model.pb), a folder with model.json, a .pb, a .pbtxt or a .json',
  );
}

async function readPbtxt(text: string, path: string, options: LoadOptions): Promise<Model> {
  if (/^\s*(#.*\s*)*saved_model_schema_version|^\s*meta_graphs/m.test(text.slice(0, 4096))) {
    const proto = parseText(SavedModelSchema, text, path);
    return freezeSavedModel(proto, text.length, dirname(path), path, options);
  }
  return modelOfGraph(graphOfDef(parseText(GraphDefSchema, text, path), readContext(text.length, path)), path, options);
}

/** A GraphDef names neither ends nor initializers: octet's marks do, or the caller, or they are found. */
async function modelOfGraph(read: Graph, path: string, options: EndpointOptions): Promise<Model> {
  const { graph, marks } = takeMarks(read);
  if (graph.nodes.size === 0) throw new UserError('holds no nodes', { file: path }, 'give a frozen graph');
  // Before the ends are looked for: their types follow from nodes that must be there.
  graph.order();
  const initializers = marks?.initializers ?? tableInitializers(graph);
  const ends = (wanted: readonly string[] | undefined, marked: Marks['inputs'] | undefined, find: typeof inputsOf) => {
    if (wanted !== undefined || marked === undefined) return find(graph, wanted);
    return endpointsAt(
      graph,
      marked.map((end) => end.value),
    ).map((end, i) => ({ ...end, key: marked[i]!.key }));
  };
  return {
    graph,
    inputs: ends(options.inputs, marks?.inputs, inputsOf),
    outputs: ends(options.outputs, marks?.outputs, outputsOf),
    initializers,
    assets: await assetsBeside(graph, path),
  };
}

/** The files that table initializers name, where they lie beside the graph; others are missed when they run. */
async function assetsBeside(graph: Graph, path: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const assets = new Map<string, Uint8Array>();
  for (const name of tableInitializers(graph))
    for (const { node } of graph.node(name).inputs) {
      const tensor = constantBehind(graph, node);
      if (tensor?.dtype !== 'string' || tensor.data.length !== 1) continue;
      const file = textAt(tensor, 0);
      if (/^(\.\.)?[/\\]|^$|\0|^[a-z]+:/i.test(file)) continue;
      const beside = inside(dirname(path), file);
      if (existsSync(beside)) assets.set(file, await readBytes(beside));
    }
  return assets;
}

/** The constant that a node is, through Identity. */
function constantBehind(graph: Graph, name: string): Tensor | undefined {
  let node = graph.nodes.get(name);
  for (let steps = 0; node?.op === 'Identity' && steps < 100; steps++)
    node = graph.nodes.get(node.inputs[0]?.node ?? '');
  return node && constTensor(node);
}

/** Files that are often given by mistake, by their first bytes. */
const kinds: readonly {
  readonly at: number;
  readonly magic: string;
  readonly what: string;
  readonly remedy: string;
}[] = [
  {
    at: 0,
    magic: '\x89PNG',
    what: 'is a picture (PNG)',
    remedy: 'give the model first; pictures go to --data or --input',
  },
  {
    at: 0,
    magic: '\xff\xd8\xff',
    what: 'is a picture (JPEG)',
    remedy: 'give the model first; pictures go to --data or --input',
  },
  {
    at: 0,
    magic: '\x89HDF',
    what: 'is a Keras HDF5 file',
    remedy: "export a SavedModel from it: model.export('folder')",
  },
  {
    at: 0,
    magic: 'PK\x03\x04',
    what: 'is a zip (a .keras file or an archive)',
    remedy: "export a SavedModel: model.export('folder')",
  },
  {
    at: 4,
    magic: 'TFL3',
    what: 'is a TensorFlow Lite model',
    remedy: 'give the TensorFlow model that it was made from',
  },
  { at: 0, magic: '\x1f\x8b', what: 'is compressed (gzip)', remedy: 'uncompress it first' },
];

function rejectOthers(bytes: Uint8Array, path: string): void {
  if (bytes.length === 0) throw new UserError('is empty', { file: path }, 'download or export it again');
  const start = Buffer.from(bytes.subarray(0, 16)).toString('latin1');
  const kind = kinds.find(({ at, magic }) => start.startsWith(magic, at));
  if (kind !== undefined) throw new UserError(kind.what, { file: path }, kind.remedy);
  // Both begin with field 1, a version: SavedModels have only ever had 1, ONNX models of today have 3 and more.
  if (bytes[0] === 0x08 && bytes[1]! >= 3)
    throw new UserError('is an ONNX model', { file: path }, 'give the TensorFlow model that it was made from');
}
