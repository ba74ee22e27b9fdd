import { create, toBinary } from '@bufbuild/protobuf';
import { UserError } from '../../base/errors.ts';
import { Graph, type GraphFunction } from '../../graph/graph.ts';
import { decodeMessage } from '../proto/decode.ts';
import {
  type FunctionDefLibrary,
  type GraphDef,
  GraphDefSchema,
  VersionDefSchema,
} from '../proto/gen/octet/tensorflow/graph_pb.ts';
import { type ReadContext, readContext } from './context.ts';
import { readFunction, writeFunction } from './function.ts';
import { readNode, writeNode } from './node.ts';

/** What of a GraphDef octet does not read; made by `graphOfDef` alone. */
type GraphExtra = Pick<GraphDef, 'version' | 'versions' | '$unknown'> & {
  readonly library?: Pick<FunctionDefLibrary, 'gradient' | 'registeredGradients' | '$unknown'>;
};

/** What TensorFlow 2.21 writes itself: the producer's version decides how old attributes are read. */
const ourVersions = () => create(VersionDefSchema, { producer: 2510, minConsumer: 12 });

/**
 * The graph of a binary GraphDef (`.pb`, a frozen graph). What octet does not know (versions, debug information, fields of
 * later TensorFlows) is kept and written back. Throws `UserError` naming file and node on anything broken.
 */
export function readGraphDef(bytes: Uint8Array, file?: string): Graph {
  const def = decodeMessage(GraphDefSchema, bytes, file);
  return graphOfDef(def, readContext(bytes.length, file));
}

/** The binary GraphDef of a graph; `readGraphDef` gives the same graph again. */
export const writeGraphDef = (graph: Graph): Uint8Array => toBinary(GraphDefSchema, defOfGraph(graph));

export function graphOfDef(def: GraphDef, context: ReadContext): Graph {
  const defs = new Map(def.library?.function.map((fn) => [fn.signature?.name ?? '', fn]) ?? []);
  const library = new Map<string, GraphFunction>();
  for (const [name, fn] of defs)
    library.set(
      name,
      naming(context, () => readFunction(fn, defs, context)),
    );
  const nodes = def.node.map((node) => readNode(node, context));
  return naming(context, () => new Graph(nodes, library, graphExtra(def)));
}

/** Adds the file to errors of the graph itself (two nodes of one name). */
function naming<T>({ place }: ReadContext, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof UserError && error.place.file === undefined && place.file !== undefined)
      throw new UserError(error.what, { ...place, ...error.place }, error.remedy, { cause: error });
    throw error;
  }
}

function graphExtra({ version, versions, library, $unknown }: GraphDef): GraphExtra {
  return {
    version,
    ...(versions && { versions }),
    ...($unknown && { $unknown }),
    ...(library && {
      library: {
        gradient: library.gradient,
        registeredGradients: library.registeredGradients,
        ...(library.$unknown && { $unknown: library.$unknown }),
      },
    }),
  };
}

export function defOfGraph(graph: Graph): GraphDef {
  const { library, ...extra } = (graph.extra ?? { versions: ourVersions() }) as GraphExtra;
  const functions = [...graph.library.values()].map((fn) => writeFunction(fn, graph.library));
  const hasLibrary = functions.length > 0 || library !== undefined;
  const def = create(GraphDefSchema, {
    node: [...graph.nodes.values()].map((node) => writeNode(node)),
    ...(hasLibrary && { library: { function: functions } }),
  });
  Object.assign(def, extra);
  if (def.library !== undefined) Object.assign(def.library, library);
  return def;
}
