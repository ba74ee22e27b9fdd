import type { OpName } from '../../src/graph/ops/index.ts';
import { reference } from '../../src/kernels/reference.ts';
import type { GraphCase } from '../graph-case.ts';
import { graphCases } from './graphs/index.ts';
import { opCases } from './random.ts';
import { recordedCases } from './recorded.ts';

/** Why TensorFlow cannot be asked about an op that octet runs. */
const reasons: Partial<Record<OpName, string>> = {
  Abort: 'ends the process',
  FusedDepthwiseConv2dNative: "the TensorFlow.js converter's: TensorFlow has no such op",
  MutableDenseHashTable: "TensorFlow's kernel asks for an input that the op does not have",
  Prelu: "the TensorFlow.js converter's: TensorFlow has no such op",
  TensorArrayCloseV2: 'closes arrays that only ops unknown to octet make',
  SymbolicGradient: 'octet refuses gradients',
  _Retval: 'ends a function in memory; in a file a function names its results',
  ...Object.fromEntries(
    ['RefEnter', 'RefExit', 'RefMerge', 'RefNextIteration', 'RefSelect', 'RefSwitch'].map((op) => [
      op,
      'passes variables of TensorFlow 1 on, which are constants before octet runs a graph',
    ]),
  ),
};

/** Ops of a graph and of the functions it calls. */
export const opsOf = ({ nodes, library }: GraphCase): readonly string[] =>
  [...nodes, ...[...(library?.values() ?? [])].flatMap(({ body }) => [...body.nodes.values()])].map(({ op }) => op);

/** Ops that the cases run. */
export const coveredOps = (): ReadonlySet<string> =>
  new Set([...[...recordedCases(), ...opCases()].map(({ op }) => op), ...graphCases().flatMap(opsOf)]);

/** Ops that the reference runtime runs and no case does, with the reason, if one is known. */
export function opsWithoutCase(covered: ReadonlySet<string> = coveredOps()): ReadonlyMap<OpName, string | undefined> {
  const runs = (Object.keys(reference) as OpName[]).filter((op) => reference[op] !== 'not-implemented');
  return new Map(runs.filter((op) => !covered.has(op)).map((op) => [op, reasons[op]]));
}

/** Reasons that are not needed any more. */
export const staleReasons = (covered: ReadonlySet<string> = coveredOps()): readonly string[] =>
  Object.keys(reasons).filter((op) => covered.has(op) || reference[op as OpName] === 'not-implemented');
