import { UserError } from '../../base/errors.ts';
import { scalar } from '../../base/tensor.ts';
import { readAttr } from '../../graph/attr.ts';
import type { Graph, Node } from '../../graph/graph.ts';
import { type Action, dead, type FlowRule, type Signal } from './actions.ts';
import { isMerge, isNextIteration } from './frames.ts';

/**
 * TensorFlow 1 control flow (Yu et al., Dynamic Control Flow in Large-Scale Machine Learning, EuroSys 2018): a Switch
 * kills the side that is not taken, deadness spreads, and a Merge passes on whichever input is alive.
 */
const pass: FlowRule = ([data]) => [data!];

const switchRule: FlowRule = ([data, pred]) => (isTrue(pred) ? [dead, data!] : [data!, dead]);

const switchN: FlowRule = ([data, index], node) => {
  const outputs = readAttr(node, 'num_outs', 'int');
  const chosen = numberIn(index);
  // As TensorFlow does it: an index out of range takes the last.
  const taken = chosen < 0 || chosen >= outputs ? outputs - 1 : chosen;
  return Array.from({ length: outputs }, (_, i) => (i === taken ? data! : dead));
};

const refSelect: FlowRule = ([index, ...inputs]) => {
  const chosen = inputs[numberIn(index)];
  if (chosen === undefined) throw new UserError(`the index ${numberIn(index)} is not one of ${inputs.length} inputs`);
  return [chosen];
};

/** In a loop the first iteration takes what enters, later ones what came back. */
const mergeRule =
  (isBack: readonly boolean[]): FlowRule =>
  (inputs, _node, iteration) => {
    const isLoop = isBack.includes(true);
    const chosen = inputs.findIndex((input, i) => input !== dead && (!isLoop || isBack[i] === iteration > 0));
    return chosen < 0 ? [dead, dead] : [inputs[chosen]!, scalar('int32', chosen)];
  };

const switches: ReadonlyMap<string, FlowRule> = new Map(
  Object.entries({
    Switch: switchRule,
    RefSwitch: switchRule,
    _SwitchN: switchN,
    RefSelect: refSelect,
    Enter: pass,
    RefEnter: pass,
    Exit: pass,
    RefExit: pass,
    NextIteration: pass,
    RefNextIteration: pass,
    LoopCond: pass,
  }),
);

/** The action of a control-flow op; undefined for all others. */
export function flowAction(node: Node, graph: Graph): Action | undefined {
  if (isMerge(node.op))
    return { kind: 'merge', rule: mergeRule(node.inputs.map((v) => isNextIteration(graph.node(v.node).op))) };
  const rule = switches.get(node.op);
  return rule && { kind: 'switch', rule };
}

const isTrue = (signal: Signal | undefined): boolean => numberIn(signal) !== 0;

function numberIn(signal: Signal | undefined): number {
  if (signal === undefined || signal === dead || signal.data.length !== 1)
    throw new UserError('the predicate of a branch is not a scalar');
  return Number(signal.data[0]);
}
