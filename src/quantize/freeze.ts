import { UserError } from '../base/errors.ts';
import { scalar } from '../base/tensor.ts';
import { freshName } from '../graph/builder.ts';
import { constNode } from '../graph/constant.ts';
import type { Graph, Node } from '../graph/graph.ts';
import type { Model } from '../graph/model.ts';
import { prune } from '../graph/rewrite.ts';
import type { Range, Ranges } from './ranges.ts';
import { signedSumFactor } from './signed-sum.ts';
import { type Site, scaleSources, siteOf, sitesOf } from './sites.ts';

/**
 * Puts calibrated ranges, as constants, in the place of those that each run finds for itself. Inputs of a concat get one
 * range, the widest of theirs: TensorFlow's concat of codes is exact only then. Throws `UserError` listing the values
 * that have no range.
 */
export function freezeRanges(model: Model, ranges: Ranges): Model {
  const { graph } = model;
  const sites = sitesOf(graph);
  const missing = sites.filter((site) => !ranges.ranges.has(site.key)).map((site) => site.key);
  if (missing.length > 0) {
    const shown = missing.slice(0, 5).join(', ');
    throw new UserError(
      `no range for ${missing.length} values (${shown}${missing.length > 5 ? ' …' : ''})`,
      {},
      'calibrate this model',
    );
  }
  const limits = commonLimits(graph, sites, ranges.ranges);
  const nodes = new Map(graph.nodes);
  for (const site of sites) freezeSite(site, ranges.ranges.get(site.key)!, limits.get(site.node.name)!, nodes);
  for (const node of nodes.values()) nodes.set(node.name, readFrozenEnds(node, nodes));
  const keep = [...model.inputs, ...model.outputs].map((end) => end.value.node);
  return { ...model, graph: prune(graph.with(nodes.values()), [...keep, ...model.initializers]) };
}

/** The largest magnitude that the codes of each site stand for. */
function commonLimits(graph: Graph, sites: readonly Site[], ranges: ReadonlyMap<string, Range>): Map<string, number> {
  const limits = new Map(
    sites.map((site) => [site.node.name, limitOf(site, ranges.get(site.key)!) * signedSumFactor(graph, site.node)]),
  );
  for (const group of commonScales(graph)) {
    const shared = Math.max(...group.map((node) => limits.get(node.name) ?? 0));
    for (const node of group) limits.set(node.name, shared);
  }
  return limits;
}

function limitOf({ form, limit }: Site, { min, max }: Range): number {
  const magnitude = form === 'signed' ? Math.max(-min, max) : max;
  // A value that is always zero: any scale represents it.
  return Math.min(magnitude > 0 ? magnitude : 1, limit ?? Number.POSITIVE_INFINITY);
}

/** Sites that must share a scale, since a concat joins them; groups that overlap are one. */
function commonScales(graph: Graph): readonly (readonly Node[])[] {
  const groupOf = new Map<string, Set<Node>>();
  for (const node of graph.nodes.values()) {
    if (node.op !== 'QuantizedConcatV2') continue;
    const sources = scaleSources(graph, { node: node.name, port: 0 });
    const merged = new Set(sources.flatMap((source) => [...(groupOf.get(source.name) ?? [source])]));
    for (const member of merged) groupOf.set(member.name, merged);
  }
  return [...new Set(groupOf.values())].map((group) => [...group]);
}

function freezeSite(site: Site, range: Range, limit: number, nodes: Map<string, Node>): void {
  const name = (suffix: string) => freshName(`${site.node.name}/${suffix}`, (taken) => nodes.has(taken));
  const put = (suffix: string, x: number) => {
    const node = constNode(name(suffix), scalar('float32', x));
    nodes.set(node.name, node);
    return { node: node.name, port: 0 };
  };
  const min = put('frozen_min', lowest(site, range, limit));
  const max = put('frozen_max', site.form === 'shifted' ? Math.max(range.max, 0) : limit);
  const inputs = site.node.inputs.map((input) => (input === site.min ? min : input === site.max ? max : input));
  nodes.set(site.node.name, { ...site.node, inputs });
}

/**
 * A node of plain arithmetic that reads the range a quantized op reports reads the frozen constant instead, so that it can
 * be folded: the integer bias of a matmul is computed from it.
 */
function readFrozenEnds(node: Node, nodes: ReadonlyMap<string, Node>): Node {
  if (node.op !== 'Mul' && node.op !== 'Sub') return node;
  const find = { node: (name: string) => nodes.get(name)! };
  const inputs = node.inputs.map((input) => {
    if (input.port === 0) return input;
    const [source] = scaleSources(find, input);
    const site = source && siteOf(source);
    return site === undefined ? input : input.port === 1 ? site.min : site.max;
  });
  return { ...node, inputs };
}

function lowest({ node, form }: Site, { min }: Range, limit: number): number {
  if (form === 'unsigned') return 0;
  if (form === 'shifted') return Math.min(min, 0);
  // Requantize wants the value of code −128, not of −127.
  return node.op === 'Requantize' ? (-limit * 128) / 127 : -limit;
}
