import type { Tensor } from '../../src/base/tensor.ts';
import { writeGraphDef } from '../../src/formats/graph-def/graph-def.ts';
import { formatValue } from '../../src/graph/graph.ts';
import type { Model } from '../../src/graph/model.ts';
import { openReference } from '../../src/runtime/reference/open.ts';
import { differenceOf } from '../difference.ts';
import { formsReport } from '../forms/report.ts';
import { type Rounding, roundingCase, roundings } from '../forms/rounding.ts';
import { FormTable } from '../forms/table.ts';
import { type Expected, type UnwrittenForm, unwrittenForms } from '../forms/unwritten.ts';
import { type FormModel, writtenForms } from '../forms/written.ts';
import { type GraphCase, graphCaseOf, runOctet, runTensorFlow } from '../graph-case.ts';
import { opByOp } from '../op-by-op.ts';
import { writeSection } from '../page.ts';
import { stagesOf } from '../pipeline.ts';
import { signalToNoise } from '../sqnr.ts';
import { type Case, failed, type Outcome, passed, type Suite, skipped } from '../suite.ts';
import type { RunResult, TensorFlow } from '../tensorflow.ts';

/** Each form of quantized op that octet writes: made by quantizing a small model, run by TensorFlow and by octet. */
export const quantizedForms: Suite = {
  about: 'Each quantized form that octet writes, run by TensorFlow and by octet',
  cases: async () => {
    const table = new FormTable();
    const written = writtenForms();
    const found: Found[] = [];
    return [
      ...written.flatMap((form) =>
        [true, false].map(
          (perChannel): Case => ({
            name: `${form.name}, ${perChannel ? 'per channel' : 'per tensor'}`,
            run: (tf) => runForm(tf, form, perChannel, table),
          }),
        ),
      ),
      ...unwrittenForms().map(
        (form): Case => ({ name: `${form.form.op}, ${form.form.name}`, run: (tf) => runUnwritten(tf, form, found) }),
      ),
      ...roundings.map(
        (rounding): Case => ({
          name: `rounding/${rounding.op}, ${rounding.input} to ${rounding.output}`,
          run: (tf) => runRounding(tf, rounding),
        }),
      ),
      {
        name: 'every int8 form of the pipeline has been seen',
        run: async () => {
          // With a filter only some forms ran: the page stays as it is.
          if (found.length < unwrittenForms().length || table.rows().length < 40) return skipped('only some forms ran');
          await writeSection('forms', formsReport(table.rows(), found));
          return passed(`${table.rows().length} forms`);
        },
      },
    ];
  },
};

type Found = { readonly form: UnwrittenForm; readonly found: Expected };

/** Every code is what TensorFlow's own order of rounding gives: where octet's is another, that is why. */
async function runRounding(tf: TensorFlow, rounding: Rounding): Promise<Outcome> {
  const { form, theirs, contract } = roundingCase(rounding, 11);
  const [answer] = await runTensorFlow(tf, [graphCaseOf(form)], 120);
  if (answer!.status !== 'ok') return failed(answer!.message);
  const codes = [...answer!.outputs.values()][0]!.data as Uint8Array;
  const unlike = (expected: Int32Array) => expected.reduce((sum, code, i) => sum + Number(code !== codes[i]), 0);
  const [unexplained, different] = [unlike(theirs), unlike(contract)];
  const found = `${different} of ${codes.length} codes differ from octet's, ${unexplained} of them unexplained`;
  return unexplained === 0 ? passed(found) : failed(found);
}

/** A form that octet does not write: TensorFlow must do with it what the table says. */
async function runUnwritten(tf: TensorFlow, form: UnwrittenForm, all: Found[]): Promise<Outcome> {
  const one = graphCaseOf({ ...form.form });
  const [answer] = await runTensorFlow(tf, [one], 120);
  const found = await compareUnwritten(one, answer!);
  all.push({ form, found });
  return found === form.expected ? passed(found) : failed(`${found}, where ${form.expected} was expected`);
}

async function compareUnwritten(one: GraphCase, answer: RunResult): Promise<Expected> {
  if (answer.status === 'error') return 'refused';
  if (answer.status !== 'ok') return 'crashes';
  const ours = await runOctet(one);
  const [first] = answer.outputs.values();
  const exact = differenceOf(ours[0]!, first!, { relative: 1e-5, absolute: 1e-6 });
  if (exact.problem === undefined) return 'equal';
  return exact.largest <= 1 ? 'one step' : 'differs';
}

/** Decibels that the 8-bit results must be above fp32's difference: a wrong form is below 10. */
const leastSqnr = 20;

async function runForm(
  tf: TensorFlow,
  { model, samples }: FormModel,
  perChannel: boolean,
  table: FormTable,
): Promise<Outcome> {
  const feeds = samples.map((x) => new Map([['x', x]]));
  const { a, b, c } = await stagesOf(model, feeds, perChannel);
  const problems: string[] = [];
  const [fp32] = await inOctet(a, samples[0]!);
  for (const [stage, graph] of [
    ['b', b],
    ['c', c],
  ] as const) {
    const [theirs] = await inTensorFlow(tf, graph, samples[0]!);
    const sqnr = signalToNoise(fp32!.data as Float32Array, theirs!.data as Float32Array);
    if (!(sqnr >= leastSqnr)) problems.push(`(${stage}) in TensorFlow is ${sqnr.toFixed(1)} dB from fp32`);
    for (const result of (await opByOp(tf, graph, feeds[0]!)).ops) {
      table.add(stage, result);
      if (result.problem !== undefined)
        problems.push(`(${stage}) ${result.node.name} (${result.node.op}): ${result.problem}`);
    }
  }
  return problems.length === 0 ? passed() : failed(problems.join('; ').slice(0, 600));
}

async function inTensorFlow(tf: TensorFlow, model: Model, x: Tensor): Promise<readonly Tensor[]> {
  const fetches = model.outputs.map((end) => formatValue(end.value));
  const outputs = await tf.run({
    graph: writeGraphDef(model.graph),
    feeds: new Map([['x', x]]),
    fetches,
    timeoutSeconds: 60,
  });
  return fetches.map((fetch) => outputs.get(fetch)!);
}

/** fp32 is octet's: it is compared elsewhere, and TensorFlow dies of a fp32 depthwise convolution with listed padding and bias. */
async function inOctet(model: Model, x: Tensor): Promise<readonly Tensor[]> {
  const runner = await openReference(
    model,
    model.outputs.map((end) => end.value),
  );
  const outputs = runner.runSync(new Map([['x', x]]));
  runner.dispose();
  return outputs;
}
