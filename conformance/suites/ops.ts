import { messageOf, UserError } from '../../src/base/errors.ts';
import type { Tensor } from '../../src/base/tensor.ts';
import type { OpName } from '../../src/graph/ops/index.ts';
import { differenceOf } from '../difference.ts';
import { type GraphCase, graphCaseOf, runOctet, runTensorFlow } from '../graph-case.ts';
import { opsOf, opsWithoutCase } from '../ops/coverage.ts';
import { deviations } from '../ops/deviations.ts';
import { graphCases } from '../ops/graphs/index.ts';
import { opCases } from '../ops/random.ts';
import { recordedCases } from '../ops/recorded.ts';
import { toleranceOf } from '../ops/tolerance.ts';
import { type Case, failed, type Outcome, passed, type Suite, skipped } from '../suite.ts';
import type { RunResult, TensorFlow } from '../tensorflow.ts';

/** One op at a time, octet's reference runtime against TensorFlow over recorded, random and extreme inputs. */
export const ops: Suite = {
  about: "One op at a time, octet's reference runtime against TensorFlow over random inputs",
  cases: async () => {
    const groups = new Map<OpName, GraphCase[]>();
    const add = (op: OpName, one: GraphCase) => void (groups.get(op)?.push(one) ?? groups.set(op, [one]));
    for (const one of [...recordedCases(), ...opCases()]) add(one.op, graphCaseOf(one));
    const graphs = graphCases();
    const covered = new Set<string>([...groups.keys(), ...graphs.flatMap(opsOf)]);
    return [
      ...[...groups].flatMap(([op, cases]) => casesOf(op, cases, toleranceOf(op).why)),
      ...casesOf('graphs', graphs),
      ...withoutCase(covered),
    ];
  },
};

/** The cases of one op, which TensorFlow runs together as soon as the first is asked for. */
function casesOf(group: string, cases: readonly GraphCase[], note?: string): readonly Case[] {
  let answers: Promise<readonly RunResult[]> | undefined;
  const ask = (tf: TensorFlow) => (answers ??= runTensorFlow(tf, cases));
  return cases.map((one, i) => ({
    name: `${group}/${one.name}`,
    run: async (tf) => {
      const together = await judge(group, one, (await ask(tf))[i]!, note);
      return together.status === 'failed' ? alone(tf, group, one, together, note) : together;
    },
  }));
}

/**
 * TensorFlow's quantized convolutions keep what they made of a bias between the ops of a process, and now and then give
 * one op another's: what differs in company is asked again by itself, and only then is the difference octet's.
 */
async function alone(
  tf: TensorFlow,
  group: string,
  one: GraphCase,
  together: Outcome,
  note?: string,
): Promise<Outcome> {
  const [answer] = await runTensorFlow(tf, [one]);
  const outcome = await judge(group, one, answer!, note);
  if (outcome.status !== 'passed') return outcome;
  return passed(`${outcome.detail}; TensorFlow gave something else among other ops: ${together.detail}`);
}

async function judge(group: string, one: GraphCase, theirs: RunResult, note?: string): Promise<Outcome> {
  const why = deviations.find(({ op, name }) => op === group && name.test(one.name))?.why;
  if (theirs.status === 'crashed' || theirs.status === 'timeout')
    return skipped(`TensorFlow ${theirs.status}: ${theirs.message}`);
  if (
    theirs.status === 'error' &&
    /No OpKernel was registered|has constraint on attr 'index_type'/.test(theirs.message)
  )
    return skipped(`TensorFlow has no such kernel on CPUs: ${gist(theirs.message)}`);
  const ours = await runOctet(one).catch((error: unknown) =>
    error instanceof Error ? error : new Error(String(error)),
  );
  const outcome = compared(group, one, ours, theirs, note);
  if (why === undefined) return outcome;
  return outcome.status === 'failed'
    ? skipped(`differs on purpose: ${why} (${outcome.detail})`)
    : failed(`no longer differs, though listed: ${why}`);
}

function compared(
  group: string,
  { fetches }: GraphCase,
  ours: readonly Tensor[] | Error,
  theirs: RunResult,
  note?: string,
): Outcome {
  if (ours instanceof Error) {
    if (theirs.status === 'ok') return failed(`octet refuses: ${messageOf(ours)}`);
    return ours instanceof UserError ? passed('both refuse') : failed(`octet breaks: ${messageOf(ours)}`);
  }
  if (theirs.status === 'error') return failed(`TensorFlow refuses: ${gist(theirs.message)}`);
  if (theirs.status !== 'ok') return failed(theirs.message);
  const tolerance = toleranceOf(group);
  let worst = 0;
  for (const [i, fetch] of fetches.entries()) {
    const difference = differenceOf(ours[i]!, theirs.outputs.get([...theirs.outputs.keys()][i]!)!, tolerance);
    if (difference.problem !== undefined) return failed(`${fetch}: ${difference.problem}`);
    worst = Math.max(worst, difference.relative);
  }
  return worst === 0
    ? passed('equal')
    : passed(`within ${worst.toExponential(1)}${note === undefined ? '' : ` (${note})`}`);
}

/** What an error of TensorFlow says, without the places in Python. */
const gist = (message: string): string =>
  message
    .split('\n')
    .filter(
      (line) =>
        !/^(Graph execution error|Detected at| {2}File|Original stack|$|Errors? may have|\(0\)|<stack)/.test(
          line.trim(),
        ),
    )
    .slice(0, 2)
    .join(' ')
    .trim()
    .slice(0, 300);

/** Ops that no case runs are listed, so that they are not taken for tested; without a reason they fail. */
const withoutCase = (covered: ReadonlySet<string>): readonly Case[] =>
  Array.from(opsWithoutCase(covered), ([op, reason]) => ({
    name: `${op}/no case`,
    run: async () => (reason === undefined ? failed('no case runs it, and no reason says why') : skipped(reason)),
  }));
