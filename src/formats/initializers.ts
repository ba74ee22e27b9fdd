import type { Graph } from '../graph/graph.ts';

/** Ops that fill a lookup table. */
const tableOps = new Set([
  'InitializeTable',
  'InitializeTableV2',
  'InitializeTableFromTextFile',
  'InitializeTableFromTextFileV2',
  'LookupTableImport',
  'LookupTableImportV2',
]);

/** The nodes that fill the graph's tables, for files that do not name their initializers. */
export const tableInitializers = (graph: Graph): string[] =>
  [...graph.nodes.values()].filter((node) => tableOps.has(node.op)).map((node) => node.name);
