import type { DType } from '../base/dtype.ts';
import { UserError } from '../base/errors.ts';
import type { PartialShape } from '../base/shape.ts';
import type { Tensor } from '../base/tensor.ts';
import { constTensor } from './constant.ts';
import type { GraphFunction, Node, Value } from './graph.ts';
import { type OpName, ops } from './ops/index.ts';
import { partialValues } from './partial-value.ts';
import { shapeRules } from './shapes/index.ts';
import { outputTypes } from './signature.ts';

/** What is known of a value before running: undefined dtype only for ops octet does not know. */
export type TypeOf = { readonly dtype: DType | undefined; readonly shape: PartialShape };

/** What a shape rule may look at. */
export type InferContext = {
  readonly node: Node;
  readonly inputs: readonly TypeOf[];
  readonly outputs: number;
  readonly library: ReadonlyMap<string, GraphFunction>;
  /** The tensor of input `i` where it is a constant. */
  readonly constant: (i: number) => Tensor | undefined;
  /** The elements of integer input `i` (a shape, an axis …) as far as they are known; undefined where nothing is. */
  readonly elements: (i: number) => readonly (number | null)[] | undefined;
};

/** The shapes of a node's outputs. Throws `UserError` (without place: the caller adds it) where the inputs do not fit. */
export type ShapeRule = (context: InferContext) => readonly PartialShape[];

/** Types of the values of a graph, inferred when they are first asked for. */
export type TypeInfo = {
  readonly of: (value: Value) => TypeOf;
  /** Elements of an integer value as far as they are known. */
  readonly elements: (value: Value) => readonly (number | null)[] | undefined;
  /** Forgets what was inferred for a node that has been replaced by one that gives the same values. */
  readonly forget: (name: string) => void;
};

export type Inferable = {
  readonly node: (name: string) => Node | undefined;
  readonly library: ReadonlyMap<string, GraphFunction>;
  /** Types to assume for named nodes (a Placeholder with its real batch size), before their own. */
  readonly assume?: ReadonlyMap<string, TypeOf>;
};

const unknown: TypeOf = { dtype: undefined, shape: null };

/** What rules ask for: types and known elements of values that are inputs. */
type Inputs = {
  readonly type: (of: Value) => TypeOf;
  readonly elements: (of: Value) => readonly (number | null)[] | undefined;
};

/** The types of a node's outputs; none where its op is unknown. */
function outputsOf(node: Node, graph: Inferable, { type, elements }: Inputs): readonly TypeOf[] {
  const dtypes = outputTypes(node, graph.library);
  if (dtypes === undefined) return [];
  const rule = Object.hasOwn(ops, node.op) ? shapeRules[node.op as OpName] : undefined;
  const constant = (i: number) => {
    const from = node.inputs[i] && graph.node(node.inputs[i].node);
    return from && constTensor(from);
  };
  const shapes = naming(node, () =>
    rule?.({
      node,
      inputs: node.inputs.map(type),
      outputs: dtypes.length,
      library: graph.library,
      constant,
      elements: (i) => (node.inputs[i] === undefined ? undefined : elements(node.inputs[i])),
    }),
  );
  return dtypes.map((dtype, port) => ({ dtype, shape: shapes?.[port] ?? null }));
}

/** The types of a graph's values, each inferred when it is first asked for, producers first. */
export function inferTypes(graph: Inferable): TypeInfo {
  const known = new Map<string, readonly TypeOf[]>();
  /** Per node and port; null while it is being looked for (a loop's back edge) and where nothing is known. */
  const values = new Map<string, Map<number, readonly (number | null)[] | null>>();

  let depth = 0;

  const elements = (of: Value): readonly (number | null)[] | undefined => {
    const ports = values.get(of.node) ?? new Map<number, readonly (number | null)[] | null>();
    values.set(of.node, ports);
    const hit = ports.get(of.port);
    if (hit !== undefined) return hit ?? undefined;
    ports.set(of.port, null);
    const node = graph.node(of.node);
    if (node === undefined || depth >= maxDepth) return undefined;
    depth++;
    try {
      const found = partialValues(node, of.port, { type, elements });
      ports.set(of.port, found ?? null);
      return found;
    } finally {
      depth--;
    }
  };

  function type(of: Value): TypeOf {
    // Asked for while its own producers are being inferred: the way back into a loop.
    if (known.get(of.node) === pending) {
      const node = graph.node(of.node);
      return { dtype: node && outputTypes(node, graph.library)?.[of.port], shape: null };
    }
    // Producers first, by an explicit stack: graphs are thousands of nodes deep.
    const stack = [of.node];
    while (stack.length > 0) {
      const name = stack.at(-1)!;
      const node = graph.node(name);
      if (known.has(name) && known.get(name) !== pending) {
        stack.pop();
        continue;
      }
      const assumed = graph.assume?.get(name);
      if (assumed !== undefined) known.set(name, [assumed]);
      else if (node === undefined) known.set(name, []);
      else if (known.get(name) === pending) known.set(name, outputsOf(node, graph, { type, elements }));
      else {
        known.set(name, pending);
        stack.push(...node.inputs.map((v) => v.node).filter((from) => !known.has(from)));
        continue;
      }
      stack.pop();
    }
    return known.get(of.node)?.[of.port] ?? unknown;
  }

  return {
    of: type,
    elements,
    forget: (name) => {
      known.delete(name);
      values.delete(name);
    },
  };
}

/** Shape arithmetic longer than this is not followed: it would outgrow the call stack. */
const maxDepth = 200;

/** Adds the node to an error that does not name one. */
function naming<R>(node: Node, work: () => R): R {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof UserError) || error.place.node !== undefined) throw error;
    throw new UserError(error.what, { ...error.place, node: node.name, op: node.op }, error.remedy, { cause: error });
  }
}

/** Marks nodes whose producers are being inferred: the values of a loop's back edge are unknown until then. */
const pending: readonly TypeOf[] = [];
