import type { Graph } from '../../graph/graph.ts';
import { GraphDefSchema } from '../proto/gen/octet/tensorflow/graph_pb.ts';
import { parseText } from '../text/parse.ts';
import { printText } from '../text/print.ts';
import { readContext } from './context.ts';
import { defOfGraph, graphOfDef } from './graph-def.ts';

/** The graph of a GraphDef in protobuf's text format (`.pbtxt`). Throws `UserError` with file and line, or node. */
export const readGraphText = (text: string, file?: string): Graph =>
  graphOfDef(parseText(GraphDefSchema, text, file), readContext(text.length, file));

/** The graph as text; fields that octet does not know are left out, as the format can't hold them. */
export const writeGraphText = (graph: Graph): string => printText(GraphDefSchema, defOfGraph(graph));
