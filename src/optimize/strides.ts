import { ints, type } from '../graph/attr.ts';
import { freshName } from '../graph/builder.ts';
import { type Graph, type Node, type Value, value } from '../graph/graph.ts';
import { inferTypes, type TypeInfo } from '../graph/infer.ts';
import { readLayout, readWindows, type Stepping, windowAxis } from '../graph/shapes/geometry.ts';
import { opAttr } from '../graph/signature.ts';
import type { Pass, PassContext } from './pass.ts';

/** Of each so many rows and columns of a picture the first. */
type Step = { readonly h: number; readonly w: number };

/**
 * Conv2D k×k → … → Conv2D 1×1 with stride s  ⇒  Conv2D k×k with s times its stride → … → Conv2D 1×1 with stride 1
 *
 * What nobody reads is not computed: a convolution 1×1 with a stride skips pixels of its input. Its stride moves up through
 * biases, activations and sums to the convolutions that make the input; where a sum's other term has more readers, a MaxPool
 * of 1×1 takes the pixels that are wanted. In ResNets (v1) a block's last convolutions 3×3 and 1×1 so become four times
 * smaller at the end of three stages: a tenth of ResNet-50.
 *
 * Needs: float32 in NHWC; all readers of the input convolutions 1×1 with the same stride; none of what changes is an output
 * of the model. Exact: the same sums of the same numbers; a NaN, which a MaxPool may drop, is not always kept.
 */
export const moveStrides: Pass = {
  name: 'move-strides',
  run: (graph, context) => {
    const moves = new Moves(graph, context);
    for (const { name } of graph.order().toReversed()) moves.tryAt(name);
    return moves.changed.size === 0 ? graph : graph.with(moves.nodes());
  },
};

/** Longer chains of elementwise ops are not followed. */
const maxDepth = 50;

class Moves {
  readonly changed = new Map<string, Node>();
  readonly #graph: Graph;
  readonly #context: PassContext;
  /** Of the graph as it was. */
  readonly #types: TypeInfo;

  constructor(graph: Graph, context: PassContext) {
    this.#graph = graph;
    this.#context = context;
    this.#types = inferTypes({ node: (name) => graph.nodes.get(name), library: graph.library });
  }

  nodes(): Node[] {
    const old = [...this.#graph.nodes.keys()];
    const added = [...this.changed.keys()].filter((name) => !this.#graph.nodes.has(name));
    return [...old, ...added].map((name) => this.#now(name));
  }

  /** Moves the stride of all readers of `name`'s output above it, where that saves work. */
  tryAt(name: string): void {
    const readers = this.#graph.consumers(name);
    const steps = readers.map(({ node, input }) => this.#stepOf(this.#now(node.name), input));
    const [step] = steps;
    if (step === undefined || !steps.every((other) => other?.h === step.h && other.w === step.w)) return;
    const made = new Map<string, Node>();
    if (!this.#isFree(name)) return;
    this.#thin(value(name), step, made, 0);
    const moved = [...made.values()].filter(({ op }) => op === 'Conv2D');
    if (moved.length === 0) return;
    for (const node of made.values()) this.changed.set(node.name, node);
    for (const { node } of readers) this.changed.set(node.name, withStrides(this.#now(node.name), { h: 1, w: 1 }));
    for (const { name: node, op } of moved) this.#context.trace({ rule: 'move-strides', node, from: op, to: op });
  }

  /** The stride of a convolution 1×1 that reads a picture at its input `input`; undefined for what reads all of it. */
  #stepOf(node: Node, input: number): Step | undefined {
    if (input !== 0 || node.inputs[0]!.port !== 0 || !isPlainConv(node)) return undefined;
    const [kernelHeight, kernelWidth] = this.#types.of(node.inputs[1]!).shape ?? [];
    if (kernelHeight !== 1 || kernelWidth !== 1) return undefined;
    const { h, w } = readWindows(node);
    const hasZeros = [h, w].some(({ padding }) => typeof padding === 'object' && padding.before + padding.after > 0);
    return hasZeros || h.stride * w.stride === 1 ? undefined : { h: h.stride, w: w.stride };
  }

  /** Whether nobody but its readers knows of a node: it may come to give less. */
  #isFree(name: string): boolean {
    return !this.#context.keep.has(name) && this.#graph.controlled(name).length === 0;
  }

  /** Every `step`-th pixel of `of`: by changes to what makes it, which go to `made`, or by a MaxPool. */
  #thin(of: Value, step: Step, made: Map<string, Node>, depth: number): Value {
    const node = this.#now(of.node);
    const isOwn = depth === 0 || (this.#isFree(of.node) && this.#graph.consumers(of.node).length === 1);
    if (isOwn && of.port === 0 && depth < maxDepth) {
      const moved = isPlainConv(node) ? this.#strided(node, step) : undefined;
      if (moved !== undefined) {
        made.set(node.name, moved);
        return of;
      }
      const operands = this.#picturesOf(node);
      if (operands !== undefined) {
        const inputs = node.inputs.map((v, i) => (operands.includes(i) ? this.#thin(v, step, made, depth + 1) : v));
        made.set(node.name, { ...node, inputs });
        return of;
      }
    }
    const name = freshName(
      `${of.node}/strided`,
      (taken) => this.#graph.nodes.has(taken) || this.changed.has(taken) || made.has(taken),
    );
    made.set(name, { name, op: 'MaxPool', inputs: [of], controls: [], attrs: poolAttrs(step) });
    return value(name);
  }

  #now(name: string): Node {
    return this.changed.get(name) ?? this.#graph.node(name);
  }

  /** The inputs of an elementwise node that are pictures as large as its result; undefined for other nodes. */
  #picturesOf(node: Node): readonly number[] | undefined {
    const result = this.#types.of(value(node.name));
    if (result.dtype !== 'float32' || result.shape?.length !== 4) return undefined;
    if (node.op === 'BiasAdd') return readLayout(node) === 'NHWC' ? [0] : undefined;
    if (unary.has(node.op)) return [0];
    if (!binary.has(node.op)) return undefined;
    const [, h, w] = result.shape;
    if (h == null || w == null) return undefined;
    const pictures: number[] = [];
    for (const [i, input] of node.inputs.entries()) {
      const shape = this.#types.of(input).shape;
      const [rows, columns] = shape === null ? [null, null] : [shape.at(-3) ?? 1, shape.at(-2) ?? 1];
      if (shape?.length === 4 && rows === h && columns === w) pictures.push(i);
      else if (shape === null || (shape.length > 2 && rows !== 1) || (shape.length > 1 && columns !== 1))
        return undefined;
    }
    return pictures;
  }

  /** The convolution that gives every `step`-th pixel of what `conv` gives. */
  #strided(conv: Node, step: Step): Node | undefined {
    const windows = readWindows(conv);
    const [input, weights] = conv.inputs.map((v) => this.#types.of(v).shape);
    const side = (name: 'h' | 'w', axis: number) => {
      const [size, kernel] = [input?.[axis] ?? null, weights?.[axis - 1] ?? null];
      return thinned(windows[name], kernel, size, step[name]);
    };
    const [h, w] = [side('h', 1), side('w', 2)];
    if (h === undefined || w === undefined) return undefined;
    const attrs = new Map(withStrides(conv, { h: windows.h.stride * step.h, w: windows.w.stride * step.w }).attrs);
    attrs.delete('explicit_paddings');
    const isBare = h.before + h.after + w.before + w.after === 0;
    const isSame = windows.h.padding !== 'VALID' && h.isSame && w.isSame;
    const padding = isSame ? 'SAME' : isBare ? 'VALID' : 'EXPLICIT';
    attrs.set('padding', { string: padding });
    if (padding === 'EXPLICIT')
      attrs.set('explicit_paddings', ints([0, 0, h.before, h.after, w.before, w.after, 0, 0]));
    return { ...conv, attrs };
  }
}

/** Elementwise ops, of one picture and of two that broadcast. */
const unary: ReadonlySet<string> = new Set([
  ...['Relu', 'Relu6', 'LeakyRelu', 'Elu', 'Selu', 'Softplus', 'Softsign', 'Sigmoid', 'Tanh', 'Identity'],
]);
const binary: ReadonlySet<string> = new Set(['Add', 'AddV2', 'Sub', 'Mul', 'Maximum', 'Minimum']);

const isPlainConv = (node: Node): boolean =>
  node.op === 'Conv2D' && opAttr(node, 'T', 'type') === 'float32' && readLayout(node) === 'NHWC';

const withStrides = (conv: Node, { h, w }: Step): Node => ({
  ...conv,
  attrs: new Map(conv.attrs).set('strides', ints([1, h, w, 1])),
});

const poolAttrs = ({ h, w }: Step): Node['attrs'] =>
  new Map([
    ['T', type('float32')],
    ['ksize', ints([1, 1, 1, 1])],
    ['strides', ints([1, h, w, 1])],
    ['padding', { string: 'VALID' }],
  ]);

/**
 * The zeros around an axis once its windows move `step` times as far: what they were, which SAME may not say any more.
 * Undefined where they depend on a size that is not known.
 */
function thinned(stepping: Stepping, kernel: number | null, size: number | null, step: number) {
  const { stride, padding } = stepping;
  if (padding === 'SAME' && (kernel === null || (size === null && stride > 1))) return undefined;
  const { before, after } =
    padding === 'SAME' ? windowAxis(size ?? 1, kernel!, stepping) : padding === 'VALID' ? noZeros : padding;
  const isKnown = kernel !== null && size !== null;
  const same = isKnown ? windowAxis(size, kernel, { ...stepping, stride: stride * step, padding: 'SAME' }) : undefined;
  const was = isKnown ? windowAxis(size, kernel, stepping) : undefined;
  const isSame = same?.before === before && same.output === Math.ceil(was!.output / step);
  return { before, after, isSame };
}

const noZeros = { before: 0, after: 0 };
