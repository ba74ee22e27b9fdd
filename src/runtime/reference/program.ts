import { UnsupportedError, UserError } from '../../base/errors.ts';
import type { Attr, Attrs, FunctionRef } from '../../graph/attr.ts';
import { constTensor } from '../../graph/constant.ts';
import { Graph, type GraphFunction, type Node, type Value, value } from '../../graph/graph.ts';
import { isKnownOp } from '../../graph/signature.ts';
import { reference } from '../../kernels/reference.ts';
import type { ReferenceKernel } from '../../kernels/reference-kernel.ts';
import type { Action, OwnActions } from './actions.ts';
import { calledBy, callRuleOf } from './calls.ts';
import { flowAction } from './flow.ts';
import { makePlan, type Plan } from './plan.ts';

/** Plans for parts of a graph, and for the functions that they call. */
export type Program = {
  readonly plan: (feeds: readonly Value[], fetches: readonly Value[], targets?: readonly string[]) => Plan;
  readonly functionPlan: (fn: FunctionRef) => Plan;
};

/**
 * Prepares a graph for planning. `plan` throws `UnsupportedError` with every op it would need that has no reference
 * kernel, in the graph and in the functions it calls, and `UserError` where an input is not fed or a function is missing.
 */
export function openProgram(graph: Graph, own: OwnActions = () => undefined): Program {
  const { library } = graph;
  const plans = new Map<string, Plan>();
  const bound = new WeakMap<FunctionRef, Plan>();

  /** Plans a body, collecting what is missing in it and in what it calls. */
  const planBody = (
    body: Graph,
    part: Omit<Parameters<typeof makePlan>[0], 'graph' | 'actionOf'>,
    missing: Missing,
  ) => {
    const called: FunctionRef[] = [];
    const plan = makePlan({
      ...part,
      graph: body,
      actionOf: (node, within) => {
        called.push(...calledBy(node, library));
        return own(node) ?? actionOf(node, within, library, missing);
      },
    });
    for (const fn of called) planFunction(fn, missing);
    return plan;
  };

  const planFunction = (ref: FunctionRef, missing: Missing): Plan | undefined => {
    const known = bound.get(ref) ?? plans.get(ref.name);
    if (known !== undefined || missing.visiting.has(ref.name)) return known;
    const fn = library.get(ref.name);
    if (fn === undefined) {
      missing.cases.push({ what: `the function '${ref.name}' is not in the graph's library` });
      return undefined;
    }
    missing.visiting.add(ref.name);
    const body = withAttrs(fn.body, ref.attrs);
    const plan = planBody(
      body,
      {
        feeds: fn.args.map((name) => value(name)),
        fetches: fn.results.map((result) => result.value),
        targets: effectsOf(body),
      },
      missing,
    );
    missing.visiting.delete(ref.name);
    if (body === fn.body) plans.set(ref.name, plan);
    else bound.set(ref, plan);
    return plan;
  };

  return {
    plan: (feeds, fetches, targets = []) => {
      const missing: Missing = { cases: [], visiting: new Set() };
      const plan = planBody(graph, { feeds, fetches, targets }, missing);
      if (missing.cases.length > 0)
        throw new UnsupportedError(byOp(missing.cases), 'fetch only values that do not depend on these nodes');
      return plan;
    },
    functionPlan: (fn) => {
      const missing: Missing = { cases: [], visiting: new Set() };
      const plan = planFunction(fn, missing);
      if (plan === undefined || missing.cases.length > 0) throw new UnsupportedError(byOp(missing.cases));
      return plan;
    },
  };
}

type Case = { readonly node?: string; readonly op?: string; readonly what: string };
type Missing = { readonly cases: Case[]; readonly visiting: Set<string> };

/** One case an op, at its first node: a graph may hold hundreds of the same. */
function byOp(cases: readonly Case[]): Case[] {
  const groups = new Map<string, Case[]>();
  for (const one of cases) {
    const key = one.op ?? one.what;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  return [...groups.values()].map(([first, ...rest]) =>
    rest.length === 0 ? first! : { ...first!, what: `${first!.what} (${rest.length} more nodes of it)` },
  );
}

function actionOf(node: Node, graph: Graph, library: ReadonlyMap<string, GraphFunction>, missing: Missing): Action {
  const flow = flowAction(node, graph);
  if (flow !== undefined) return flow;
  const rule = callRuleOf(node, library);
  if (rule !== undefined) return { kind: 'call', rule };
  const kernel = constantKernel(node) ?? own.get(node.op) ?? kernelOf(node.op);
  if (kernel !== undefined) return { kind: 'kernel', kernel };
  if (isPlaceholder(node.op))
    throw new UserError(
      'is needed, but is not among the inputs of the model',
      { node: node.name, op: node.op },
      'name it as an input',
    );
  missing.cases.push({
    node: node.name,
    op: node.op,
    what: isKnownOp(node.op) ? 'octet has no kernel for this op' : 'octet does not know this op',
  });
  return { kind: 'kernel', kernel: () => [] };
}

function kernelOf(op: string): ReferenceKernel | undefined {
  const entry = isKnownOp(op) ? reference[op] : undefined;
  return typeof entry === 'function' ? entry : undefined;
}

/** A constant that has control inputs: in a branch, or in a loop. */
function constantKernel(node: Node): ReferenceKernel | undefined {
  const tensor = constTensor(node);
  return tensor && (() => [tensor]);
}

const isPlaceholder = (op: string): boolean => op === 'Placeholder' || op === 'PlaceholderV2' || op === '_Arg';

const nothing: ReferenceKernel = () => [];
const itself: ReferenceKernel = (inputs) => inputs;
const own: ReadonlyMap<string, ReferenceKernel> = new Map([
  ['NoOp', nothing],
  ['ControlTrigger', nothing],
  ['_Retval', nothing],
  ['PlaceholderWithDefault', itself],
]);

/** Ops that a function runs although nobody reads them, as TensorFlow does for every stateful op. */
const effects: ReadonlySet<string> = new Set([
  'Assert',
  'AssignAddVariableOp',
  'AssignSubVariableOp',
  'AssignVariableOp',
  'InitializeTable',
  'InitializeTableFromTextFile',
  'InitializeTableFromTextFileV2',
  'InitializeTableV2',
  'LookupTableImport',
  'LookupTableImportV2',
  'LookupTableInsert',
  'LookupTableInsertV2',
  'Print',
  'PrintV2',
]);
const effectsOf = (body: Graph): string[] =>
  [...body.nodes.values()].filter((node) => effects.has(node.op)).map((node) => node.name);

/** A function's body with the attributes of the call in the places that name them; the same graph where it has none. */
function withAttrs(body: Graph, given: Attrs): Graph {
  let changed = false;
  const bind = (attr: Attr): Attr => {
    const found = 'placeholder' in attr ? given.get(attr.placeholder) : undefined;
    if (found !== undefined) changed = true;
    return found ?? attr;
  };
  const nodes = [...body.nodes.values()].map((node) => ({
    ...node,
    attrs: new Map([...node.attrs].map(([name, attr]) => [name, bind(attr)])),
  }));
  return changed ? new Graph(nodes, body.library, body.extra) : body;
}
