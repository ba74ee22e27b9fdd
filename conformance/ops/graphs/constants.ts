import type { Tensor } from '../../../src/base/tensor.ts';
import { type } from '../../../src/graph/attr.ts';
import { constNode } from '../../../src/graph/constant.ts';
import type { Node } from '../../../src/graph/graph.ts';
import type { GraphCase } from '../../graph-case.ts';

/** The attribute most of the cases have. */
export const T = type('float32');

export const constants = (values: Readonly<Record<string, Tensor>>): Node[] =>
  Object.entries(values).map(([name, t]) => constNode(name, t));

/** A graph over constants; nodes are run in the order of their edges. */
export const graph = (
  name: string,
  values: Readonly<Record<string, Tensor>>,
  nodes: readonly Node[],
  fetches: readonly string[],
  more: Partial<GraphCase> = {},
): GraphCase => ({
  name,
  nodes: [...constants(values), ...nodes],
  feeds: new Map(),
  fetches,
  ...more,
});
