import type { DType } from '../../base/dtype.ts';
import { type Place, UnsupportedError } from '../../base/errors.ts';
import type { PartialShape } from '../../base/shape.ts';
import { tensorOf } from '../../base/tensor.ts';
import { type Attr, type Attrs, attrValue, readAttr } from '../../graph/attr.ts';
import { freshName } from '../../graph/builder.ts';
import { constNode } from '../../graph/constant.ts';
import { Graph, type GraphFunction, type Node, type Value, value } from '../../graph/graph.ts';
import { isVariable } from './variables.ts';

/** The node that takes the place of a variable: its value as a Const, or an Identity of what initializes it. */
export type FrozenVariable = (variable: Node) => Node;

type State = {
  readonly source: Graph;
  readonly library: Map<string, GraphFunction>;
  readonly cases: (Place & { what: string })[];
};
/** What a value is that was a variable's handle; undefined for every other value. */
type Held = { readonly dtype: DType; readonly shape: PartialShape } | undefined;
/** By node and port. */
type Handles = Map<string, readonly Held[]>;
type Rewrite = { readonly nodes: readonly Node[]; readonly handles?: readonly Held[] };

/**
 * The graph with every variable a constant. What read a resource handle takes the variable's value in its place: so does
 * `If`, `While` and `Case`, whose functions get copies that do the same inside. TF1's reference variables are constants
 * already as far as reading goes. Throws `UnsupportedError` naming all nodes that write a variable or do with its handle
 * what can't be done with a value.
 */
export function freezeVariables(graph: Graph, frozen: FrozenVariable): Graph {
  const state: State = { source: graph, library: new Map(graph.library), cases: [] };
  const nodes = freezeNodes(graph, new Map(), state, frozen);
  if (state.cases.length > 0)
    throw new UnsupportedError(state.cases, 'octet freezes models for inference: export one that keeps its variables');
  return new Graph(nodes, state.library, graph.extra);
}

function freezeNodes(graph: Graph, given: Handles, state: State, frozen?: FrozenVariable): Node[] {
  const handles: Handles = new Map(given);
  const taken = new Set(graph.nodes.keys());
  const out = new Map<string, readonly Node[]>();
  for (const node of graph.order()) {
    if (isVariable(node)) {
      if (node.op === 'VarHandleOp')
        handles.set(node.name, [
          { dtype: readAttr(node, 'dtype', 'type'), shape: readAttr(node, 'shape', 'shape', null) },
        ]);
      if (frozen === undefined) state.cases.push({ ...place(node), what: 'a variable inside of a function' });
      else out.set(node.name, [frozen(node)]);
      continue;
    }
    const inputs = node.inputs.map((v) => handles.get(v.node)?.[v.port]);
    if (writesReference(node, graph)) state.cases.push({ ...place(node), what: writes });
    const plain: Node = dereferenced(node);
    if (inputs.every((held) => held === undefined)) {
      out.set(node.name, [plain]);
      continue;
    }
    const rewrite = rewriteReader(plain, inputs, state, (name) => {
      const fresh = freshName(name, (t) => taken.has(t));
      taken.add(fresh);
      return fresh;
    });
    out.set(node.name, rewrite.nodes);
    if (rewrite.handles !== undefined) handles.set(node.name, rewrite.handles);
  }
  // In the order of the file, which a graph keeps.
  return [...graph.nodes.keys()].flatMap((name) => out.get(name) ?? []);
}

const place = ({ name, op }: Node): Place => ({ node: name, op });

const writes = 'changes a variable while the model runs';

/** Ops of TF1 that write what their first input refers to. */
const writesReference = (node: Node, graph: Graph): boolean => {
  if (!/^(Assign(Add|Sub)?|Scatter(Nd)?(Update|Add|Sub|Mul|Div|Min|Max)|CountUpTo)$/.test(node.op)) return false;
  const target = graph.nodes.get(node.inputs[0]?.node ?? '');
  return target !== undefined && (isVariable(target) || target.op.startsWith('Ref'));
};

/** TF1's ops over references do the same over values. */
const withoutRef = new Map([
  ['RefSwitch', 'Switch'],
  ['RefMerge', 'Merge'],
  ['RefEnter', 'Enter'],
  ['RefExit', 'Exit'],
  ['RefIdentity', 'Identity'],
  ['RefNextIteration', 'NextIteration'],
]);
const dereferenced = (node: Node): Node => {
  const op = withoutRef.get(node.op);
  return op === undefined ? node : { ...node, op };
};

type Reader = (node: Node, inputs: readonly Held[], state: State, fresh: (name: string) => string) => Rewrite;

/** The attributes with these changed; the shapes that the exporter noted were the handle's. */
const setAttrs = (attrs: Attrs, changes: Readonly<Record<string, Attr>>): Attrs =>
  new Map([...[...attrs].filter(([name]) => name !== '_output_shapes'), ...Object.entries(changes)]);
const onlyAttrs = (changes: Readonly<Record<string, Attr>>): Attrs => new Map(Object.entries(changes));

/** Ops that hand on what they get: their type becomes the variable's. */
const passOn =
  (outputs: number): Reader =>
  (node, [held]) => ({
    nodes: [{ ...node, attrs: setAttrs(node.attrs, { T: { type: held!.dtype } }) }],
    handles: [held, ...new Array<Held>(outputs - 1).fill(outputs === 2 && node.op === 'Switch' ? held : undefined)],
  });

/** A gather along the first axis (after the batch axes): GatherV2 wants the axis as a constant. */
const gather: Reader = (node, [held], _state, fresh) => {
  const batchDims = node.attrs.has('batch_dims') ? readAttr(node, 'batch_dims', 'int') : 0;
  const axis = constNode(fresh(`${node.name}/axis`), tensorOf('int32', [batchDims], []));
  const attrs = onlyAttrs({
    Tparams: { type: held!.dtype },
    Tindices: { type: readAttr(node, 'Tindices', 'type') },
    Taxis: { type: 'int32' },
    batch_dims: { int: batchDims },
  });
  return { nodes: [axis, { ...node, op: 'GatherV2', inputs: [...node.inputs, value(axis.name)], attrs }] };
};

const readers: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  [
    'ReadVariableOp',
    (node, [held]) => one({ ...node, op: 'Identity', attrs: onlyAttrs({ T: { type: held!.dtype } }) }),
  ],
  ['ResourceGather', gather],
  [
    'ResourceGatherNd',
    (node, [held]) => {
      const Tindices: Attr = { type: readAttr(node, 'Tindices', 'type') };
      return one({ ...node, op: 'GatherNd', attrs: onlyAttrs({ Tparams: { type: held!.dtype }, Tindices }) });
    },
  ],
  [
    'VariableShape',
    (node, [held]) => {
      const outType = node.attrs.get('out_type') ?? { type: 'int32' };
      return one({ ...node, op: 'Shape', attrs: onlyAttrs({ T: { type: held!.dtype }, out_type: outType }) });
    },
  ],
  // A frozen variable always has its value.
  [
    'VarIsInitializedOp',
    (node) => one({ ...constNode(node.name, tensorOf('bool', [1], [])), controls: node.controls }),
  ],
  ['DisableCopyOnRead', (node) => one({ ...node, op: 'NoOp', inputs: [], attrs: new Map() })],
  ['Identity', passOn(1)],
  ['Enter', passOn(1)],
  ['Exit', passOn(1)],
  ['NextIteration', passOn(1)],
  ['Switch', passOn(2)],
  ['Merge', passOn(2)],
  ['If', (node, inputs, state) => branches(node, inputs, state)],
  ['StatelessIf', (node, inputs, state) => branches(node, inputs, state)],
  ['Case', (node, inputs, state) => branches(node, inputs, state)],
  ['StatelessCase', (node, inputs, state) => branches(node, inputs, state)],
  ['While', (node, inputs, state) => loop(node, inputs, state)],
  ['StatelessWhile', (node, inputs, state) => loop(node, inputs, state)],
]);

const one = (node: Node): Rewrite => ({ nodes: [node] });

function rewriteReader(...[node, inputs, state, fresh]: Parameters<Reader>): Rewrite {
  const reader = readers.get(node.op);
  if (reader !== undefined) return reader(node, inputs, state, fresh);
  const isWrite = node.op.startsWith('Assign') || node.op.includes('Scatter');
  state.cases.push({ ...place(node), what: isWrite ? writes : 'does with a variable what octet has no value form of' });
  return one(node);
}

/** `types` with those of handles replaced. */
const typed = (types: readonly DType[], inputs: readonly Held[]): Attr => ({
  list: { types: types.map((t, i) => inputs[i]?.dtype ?? t) },
});

/** The shapes that `If` and `While` declare: a handle is a scalar, a variable is not. Undeclared ones stay so. */
function shaped(attrs: Map<string, Attr>, held: readonly Held[]): void {
  const declared = attrs.get('output_shapes');
  const shapes = (declared && attrValue(declared, 'shapes')) ?? [];
  if (shapes.length > 0)
    attrs.set('output_shapes', {
      list: { shapes: shapes.map((shape, i) => (held[i] === undefined ? shape : held[i].shape)) },
    });
  attrs.delete('_output_shapes');
}

function branches(node: Node, inputs: readonly Held[], state: State): Rewrite {
  const passed = inputs.slice(1);
  let results: readonly Held[] = [];
  const copy = (name: string): string => {
    const made = specialize(node, name, passed, state);
    results = made.results;
    return made.name;
  };
  const attrs = new Map(node.attrs);
  for (const [name, attr] of node.attrs) {
    const fn = attrValue(attr, 'func');
    if (fn !== undefined) attrs.set(name, { func: { ...fn, name: copy(fn.name) } });
    else if ('list' in attr && attr.list.funcs !== undefined)
      attrs.set(name, { list: { funcs: attr.list.funcs.map((f) => ({ ...f, name: copy(f.name) })) } });
  }
  attrs.set('Tin', typed(readAttr(node, 'Tin', 'types'), passed));
  attrs.set('Tout', typed(readAttr(node, 'Tout', 'types'), results));
  shaped(attrs, results);
  return { nodes: [{ ...node, attrs }], handles: results };
}

function loop(node: Node, inputs: readonly Held[], state: State): Rewrite {
  const attrs = new Map(node.attrs);
  for (const name of ['cond', 'body']) {
    const fn = readAttr(node, name, 'func');
    attrs.set(name, { func: { ...fn, name: specialize(node, fn.name, inputs, state).name } });
  }
  attrs.set('T', typed(readAttr(node, 'T', 'types'), inputs));
  shaped(attrs, inputs);
  return { nodes: [{ ...node, attrs }], handles: inputs };
}

/** A copy of a function whose arguments are the values of variables where they were handles. */
function specialize(
  node: Node,
  name: string,
  inputs: readonly Held[],
  state: State,
): { name: string; results: readonly Held[] } {
  const fn = state.source.library.get(name);
  if (fn === undefined) {
    state.cases.push({ ...place(node), what: `names the function '${name}', which the file does not have` });
    return { name, results: [] };
  }
  const handles: Handles = new Map();
  for (const [i, arg] of fn.args.entries()) if (inputs[i] !== undefined) handles.set(arg, [inputs[i]]);
  const nodes = freezeNodes(fn.body, handles, state).map((inner) => {
    const held = handles.get(inner.name)?.[0];
    if (held === undefined || inner.op !== '_Arg') return inner;
    const _output_shapes: Attr = { list: { shapes: [held.shape] } };
    return {
      ...inner,
      attrs: onlyAttrs({ T: { type: held.dtype }, index: inner.attrs.get('index')!, _output_shapes }),
    };
  });
  const fresh = freshName(`${name}_frozen`, (taken) => state.library.has(taken));
  const results = fn.results.map(({ value: from }) => resultHandle(fn, from, handles));
  state.library.set(fresh, { ...fn, name: fresh, body: fn.body.with(nodes), extra: withoutTypes(fn.extra) });
  return { name: fresh, results };
}

/** The variable that a function returns the handle of: one of its arguments, at most passed through Identity. */
function resultHandle(fn: GraphFunction, from: Value, handles: Handles): Held {
  let at: Value | undefined = from;
  for (let steps = 0; at !== undefined && steps < 1000; steps++) {
    const node: Node = fn.body.node(at.node);
    if (node.op !== 'Identity') return handles.get(at.node)?.[at.port];
    at = node.inputs[0];
  }
  return undefined;
}

/** The file's declarations of arguments and results no longer hold; they are made anew from the body. */
const withoutTypes = (extra: unknown): unknown =>
  extra === undefined ? undefined : { ...(extra as object), args: new Map(), results: new Map() };
