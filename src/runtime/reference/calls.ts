import { UserError } from '../../base/errors.ts';
import { scalar, type Tensor, textAt } from '../../base/tensor.ts';
import { type FunctionRef, readAttr } from '../../graph/attr.ts';
import type { GraphFunction, Node } from '../../graph/graph.ts';
import type { CallRule } from './actions.ts';

/** TensorFlow 2 control flow: ops that name the functions they run. */
const ifRule: CallRule = ([cond, ...inputs], node, { call }) =>
  call(readAttr(node, isTruthy(cond!) ? 'then_branch' : 'else_branch', 'func'), inputs);

function* whileRule(...[inputs, node, { call }]: Parameters<CallRule>): ReturnType<CallRule> {
  const cond = readAttr(node, 'cond', 'func');
  const body = readAttr(node, 'body', 'func');
  let values = inputs;
  for (;;) {
    const [goOn] = yield* call(cond, values);
    if (goOn === undefined || !isTruthy(goOn)) return values;
    values = yield* call(body, values);
    if (values.length !== inputs.length)
      throw new UserError(`the body '${body.name}' gives ${values.length} values for ${inputs.length} variables`);
  }
}

const caseRule: CallRule = ([index, ...inputs], node, { call }) => {
  const branches = readAttr(node, 'branches', 'funcs');
  const chosen = Number(index!.data[0]);
  // As TensorFlow does it: an index out of range takes the last branch.
  const branch = branches[chosen] ?? branches.at(-1);
  if (branch === undefined) throw new UserError('has no branches');
  return call(branch, inputs);
};

function* forRule(...[[start, limit, delta, ...rest], node, { call }]: Parameters<CallRule>): ReturnType<CallRule> {
  const body = readAttr(node, 'body', 'func');
  const [from, to, step] = [start, limit, delta].map((t) => Number(t!.data[0])) as [number, number, number];
  if (step === 0 || (step > 0 ? from > to : from < to))
    throw new UserError(`can't count from ${from} to ${to} by ${step}`);
  let values: readonly Tensor[] = rest;
  for (let i = from; step > 0 ? i < to : i > to; i += step) values = yield* call(body, [scalar('int32', i), ...values]);
  return values;
}

const callRule: CallRule = (inputs, node, { call }) => call(readAttr(node, 'f', 'func'), inputs);

const calls: ReadonlyMap<string, CallRule> = new Map(
  Object.entries({
    If: ifRule,
    StatelessIf: ifRule,
    While: whileRule,
    StatelessWhile: whileRule,
    Case: caseRule,
    StatelessCase: caseRule,
    For: forRule,
    PartitionedCall: callRule,
    StatefulPartitionedCall: callRule,
  }),
);

/** The rule of an op that runs functions, or of a node whose op is a function itself; undefined for all others. */
export function callRuleOf(node: Node, library: ReadonlyMap<string, GraphFunction>): CallRule | undefined {
  const rule = calls.get(node.op);
  if (rule !== undefined || !library.has(node.op)) return rule;
  const self: FunctionRef = { name: node.op, attrs: node.attrs };
  return (inputs, _node, { call }) => call(self, inputs);
}

/** The functions that a node may call. */
export function calledBy(node: Node, library: ReadonlyMap<string, GraphFunction>): readonly FunctionRef[] {
  if (!calls.has(node.op)) return library.has(node.op) ? [{ name: node.op, attrs: node.attrs }] : [];
  return [...node.attrs.values()].flatMap((attr) => {
    if ('func' in attr) return [attr.func];
    return 'list' in attr ? (attr.list.funcs ?? []) : [];
  });
}

/** TensorFlow's truth of any tensor (ToBool): a scalar is true unless 0 or empty, others where they have elements. */
function isTruthy(t: Tensor): boolean {
  if (t.shape.length > 0) return t.data.length > 0;
  return t.dtype === 'string' ? textAt(t, 0) !== '' : Number(t.data[0]) !== 0;
}
