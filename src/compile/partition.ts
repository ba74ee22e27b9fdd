import type { DType } from '../base/dtype.ts';
import { type Shape, sizeOf } from '../base/shape.ts';
import { attrs, readAttr } from '../graph/attr.ts';
import { freshName } from '../graph/builder.ts';
import { constTensor } from '../graph/constant.ts';
import { Graph, type Node, type Value } from '../graph/graph.ts';
import { inferTypes } from '../graph/infer.ts';
import { prune } from '../graph/rewrite.ts';
import { outputTypes } from '../graph/signature.ts';
import { isCodeType } from '../kernels/quantize/codes.ts';
import { fuseRealOps } from './fuse-real.ts';
import { internalTypes } from './internal.ts';
import { elementType } from './layer.ts';
import { comparisons, constantInputs, lowerings, movers } from './lower/index.ts';
import { shapeReaders } from './lower/lower.ts';
import type { Segment } from './segment.ts';

/** The op of the nodes that stand for segments: their inputs and outputs are the segment's. */
export const segmentOp = '_OctetSegment';

/** A graph in which segments are single nodes, and the fetches in it, in the order that they were asked for. */
export type Partition = {
  readonly graph: Graph;
  readonly segments: ReadonlyMap<string, Segment>;
  readonly fetches: readonly Value[];
};

/**
 * Cuts out what can be compiled: pure nodes with native forms that always run (not inside of loops, nor behind a branch).
 * A node's level is the number of times that the way to it leaves what can be compiled; nodes of one level are one
 * segment, so no way leads out of a segment and back into it. What neither the fetches nor `targets` need is left out.
 */
export function partition(
  whole: Graph,
  fed: readonly Value[],
  fetches: readonly Value[],
  targets: readonly string[] = [],
): Partition {
  const ends = [...fetches.map((v) => v.node), ...fed.map((v) => v.node), ...targets];
  const graph = fuseRealOps(whole, new Set(ends));
  const wanted = prune(graph, ends);
  const roles = rolesOf(wanted, new Set(fed.map((v) => v.node)));
  const members = new Map<number, Node[]>();
  for (const node of wanted.order()) {
    const level = roles.levels.get(node.name);
    if (level === undefined || !roles.native.has(node.name)) continue;
    members.set(level, [...(members.get(level) ?? []), node]);
  }
  const segments = new Map<string, Segment>();
  const moved = new Map<string, Map<number, Value>>();
  const added: Node[] = [];
  for (const [, nodes] of [...members].sort(([a], [b]) => a - b)) {
    if (nodes.every((node) => movers.has(node.op))) continue;
    const name = freshName(`segment_${segments.size}`, (taken) => graph.nodes.has(taken) || segments.has(taken));
    const segment = segmentOf(name, nodes, wanted, { roles, fetches });
    segments.set(name, segment);
    for (const [port, output] of segment.outputs.entries())
      moved.set(output.node, (moved.get(output.node) ?? new Map()).set(output.port, { node: name, port }));
    added.push({ name, op: segmentOp, inputs: segment.inputs, controls: [], attrs: attrs({}) });
  }
  const send = (v: Value): Value => moved.get(v.node)?.get(v.port) ?? v;
  const nodes = [...wanted.nodes.values(), ...added].map((node) => ({ ...node, inputs: node.inputs.map(send) }));
  const sent = fetches.map(send);
  const keep = [...sent.map((v) => v.node), ...fed.map((v) => v.node), ...targets];
  return { graph: prune(graph.with(nodes), keep), segments, fetches: sent };
}

type Roles = {
  /** Nodes that are computed in segments. */
  readonly native: ReadonlySet<string>;
  /** Nodes whose results follow from constants and shapes: each segment that needs them computes them itself. */
  readonly fixed: ReadonlySet<string>;
  readonly levels: ReadonlyMap<string, number>;
};

function rolesOf(graph: Graph, fed: ReadonlySet<string>): Roles {
  const native = new Set<string>();
  const fixed = new Set<string>();
  const alive = alwaysRuns(graph);
  const info = inferTypes({ node: (name) => graph.nodes.get(name), library: graph.library });
  /** Arithmetic on ranges and the like: no work for generated code. */
  const isTiny = ({ name }: Node): boolean => {
    const { shape } = info.of({ node: name, port: 0 });
    return shape?.every((dim) => dim !== null) === true && sizeOf(shape as Shape) <= tiny;
  };
  const dtypeOf = ({ node, port }: Value): DType | undefined => typesOf(graph.node(node), graph)?.[port];
  const isData = (v: Value, node?: Node): boolean => {
    const dtype = dtypeOf(v);
    return dtype !== undefined && (isNumber(dtype) || (node?.op === 'Cast' && elementType(dtype) !== undefined));
  };
  for (const node of graph.order()) {
    const isPlain = !fed.has(node.name) && node.controls.length === 0 && graph.controlled(node.name).length === 0;
    if (isPlain && alive.has(node.name)) {
      if (isFixed(node, fixed, isData)) fixed.add(node.name);
      else if (isNative(node, graph, { fixed, isData }) && !isTiny(node)) native.add(node.name);
    }
  }
  return { native, fixed, levels: levelsOf(graph, native, fixed) };
}

/**
 * How often the way to each node leaves what is compiled. A loop runs as a whole, so what leaves it is behind all that
 * enters it; that is found by going round until nothing changes.
 */
function levelsOf(graph: Graph, native: ReadonlySet<string>, fixed: ReadonlySet<string>): ReadonlyMap<string, number> {
  const levels = new Map<string, number>();
  const loops = loopsOf(graph);
  const ofLoops = new Map<string, number>();
  for (let isChanging = true; isChanging; ) {
    isChanging = false;
    for (const node of graph.order()) {
      const isNativeNode = native.has(node.name);
      const loop = loops.get(node.name);
      let level = loop === undefined ? 0 : (ofLoops.get(loop) ?? 0);
      for (const from of [...node.inputs.map((v) => v.node), ...node.controls])
        if (!fixed.has(from))
          level = Math.max(level, (levels.get(from) ?? 0) + (isNativeNode && !native.has(from) ? 1 : 0));
      if (loop !== undefined) ofLoops.set(loop, level);
      if (levels.get(node.name) === level) continue;
      levels.set(node.name, level);
      isChanging = true;
    }
  }
  return levels;
}

const isEnter = ({ op }: Node): boolean => op === 'Enter' || op === 'RefEnter';
const isExit = ({ op }: Node): boolean => op === 'Exit' || op === 'RefExit';

/** The outermost loop that each node is in, by its frame's name; Exits out of it belong to it. */
function loopsOf(graph: Graph): ReadonlyMap<string, string> {
  const loops = new Map<string, string>();
  const depths = new Map<string, number>();
  for (const node of graph.order()) {
    const before = [...node.inputs.map((v) => v.node), ...node.controls];
    const inner = before.find((name) => (depths.get(name) ?? 0) > 0);
    const depth = Math.max(0, ...before.map((name) => depths.get(name) ?? 0));
    depths.set(node.name, depth + (isEnter(node) ? 1 : 0) - (isExit(node) ? 1 : 0));
    if (inner !== undefined) loops.set(node.name, loops.get(inner)!);
    else if (isEnter(node)) loops.set(node.name, readAttr(node, 'frame_name', 'string'));
  }
  return loops;
}

/**
 * What segments compute with. Integers are mostly shapes and indices, which are better left where they are; they enter where
 * they are made numbers, and truth values are what comparing gives.
 */
const isNumber = (dtype: DType): boolean =>
  elementType(dtype) !== undefined && (dtype === 'float32' || isCodeType(dtype));

/** Elements of a value that is not worth a native call. */
const tiny = 16;

const typesOf = (node: Node, graph: Graph): readonly DType[] | undefined =>
  internalTypes(node) ?? outputTypes(node, graph.library);

/** A constant, the shape of a value, or arithmetic on such. */
function isFixed(node: Node, fixed: ReadonlySet<string>, isData: (v: Value) => boolean): boolean {
  if (constTensor(node) !== undefined) return true;
  if (shapeReaders.has(node.op)) return node.inputs.every((v) => fixed.has(v.node) || isData(v));
  return shapeArithmetic.has(node.op) && node.inputs.length > 0 && node.inputs.every((v) => fixed.has(v.node));
}

/** What models do to shapes before they reshape with them. */
const shapeArithmetic: ReadonlySet<string> = new Set([
  ...['StridedSlice', 'Slice', 'Pack', 'ConcatV2', 'Concat', 'GatherV2', 'Gather', 'Prod', 'Cast', 'Identity'],
  ...['Mul', 'Add', 'AddV2', 'Sub', 'FloorDiv', 'FloorMod', 'Maximum', 'Minimum', 'Neg', 'Squeeze', 'ExpandDims'],
  ...['Reshape', 'Range', 'Unpack', 'Split', 'Fill', 'Rsqrt', 'Sqrt', 'RealDiv', 'Transpose'],
]);

type Known = { readonly fixed: ReadonlySet<string>; readonly isData: (v: Value, node?: Node) => boolean };

function isNative(node: Node, graph: Graph, { fixed, isData }: Known): boolean {
  if (!lowerings.has(node.op)) return false;
  const types = typesOf(node, graph);
  const isResult = (dtype: DType): boolean => isNumber(dtype) || (dtype === 'bool' && comparisons.has(node.op));
  if (types === undefined || !types.every(isResult)) return false;
  const constants = constantInputs(node);
  return node.inputs.every((v, i) => (constants.has(i) ? fixed.has(v.node) : fixed.has(v.node) || isData(v, node)));
}

/** Nodes outside of loops and of branches (behind a Switch): a segment runs as a whole or not at all. */
function alwaysRuns(graph: Graph): ReadonlySet<string> {
  const states = new Map<string, { depth: number; isBranch: boolean }>();
  for (const node of graph.order()) {
    const before = [...node.inputs.map((v) => v.node), ...node.controls].flatMap((name) => states.get(name) ?? []);
    const depth = Math.max(0, ...before.map((state) => state.depth));
    const isSwitch = depth === 0 && ['Switch', 'RefSwitch', '_SwitchN'].includes(node.op);
    states.set(node.name, {
      depth: depth + (isEnter(node) ? 1 : 0) - (isExit(node) ? 1 : 0),
      isBranch: isSwitch || before.some((state) => state.isBranch),
    });
  }
  const names = [...states].filter(([, { depth, isBranch }]) => depth === 0 && !isBranch);
  return new Set(names.map(([name]) => name));
}

type Scene = { readonly roles: Roles; readonly fetches: readonly Value[] };

function segmentOf(name: string, nodes: readonly Node[], graph: Graph, { roles, fetches }: Scene): Segment {
  const inside = new Map(nodes.map((node) => [node.name, node]));
  const inputs = valueSet();
  // Constants and shape arithmetic that the nodes read, with what those read.
  const stack = nodes.flatMap((node) => node.inputs);
  while (stack.length > 0) {
    const v = stack.pop()!;
    if (inside.has(v.node)) continue;
    if (roles.fixed.has(v.node)) {
      const node = graph.node(v.node);
      inside.set(node.name, node);
      stack.push(...node.inputs);
    } else inputs.add(v);
  }
  const outputs = valueSet();
  const members = new Set(nodes.map((node) => node.name));
  for (const node of graph.nodes.values())
    if (!members.has(node.name)) for (const v of node.inputs) if (members.has(v.node)) outputs.add(v);
  for (const v of fetches) if (members.has(v.node)) outputs.add(v);
  // Of a node with several outputs there is one stand-in.
  const outside = [...new Set(inputs.list.map((v) => v.node))].map(inputNode);
  const body = new Graph([...outside, ...inside.values()], graph.library);
  return { name, graph: body, inputs: inputs.list, outputs: outputs.list };
}

/** What stands for the nodes outside of a segment in its graph. */
const inputNode = (name: string): Node => ({
  name,
  op: '_OctetInput',
  inputs: [],
  controls: [],
  attrs: attrs({}),
});

/** A list of values without repeats. */
function valueSet(): { readonly list: readonly Value[]; readonly add: (v: Value) => void } {
  const list: Value[] = [];
  const ports = new Map<string, Set<number>>();
  return {
    list,
    add: (v) => {
      const seen = ports.get(v.node) ?? new Set<number>();
      if (seen.has(v.port)) return;
      ports.set(v.node, seen.add(v.port));
      list.push(v);
    },
  };
}
