import { isDType } from '../../src/base/dtype.ts';
import { type ArgDef, type OpDef, opDef } from '../../src/graph/op-def.ts';
import { type OpName, ops } from '../../src/graph/ops/index.ts';
import { type Case, failed, type Outcome, passed, type Suite, skipped } from '../suite.ts';
import type { RegisteredOp } from '../tensorflow.ts';

/** Ops whose rows differ from TensorFlow's on purpose, and why. */
const deviations: Partial<Record<OpName, string>> = {
  FusedDepthwiseConv2dNative: "the TensorFlow.js converter's",
  Prelu: "the TensorFlow.js converter's",
  _FusedConv2D: 'takes num_args as the converter and older TensorFlows write it',
};

/** Every row of src/graph/ops equals TensorFlow's registration: arguments, attributes, which are required, type sets. */
export const opDefinitions: Suite = {
  about: "src/graph/ops against TensorFlow's registry",
  cases: async (tf) => {
    const registry = new Map((await tf.ops()).map((op) => [op.name, op]));
    return (Object.keys(ops) as OpName[]).map(
      (name): Case => ({ name, run: async () => compare(name, opDef(ops[name]), registry.get(name)) }),
    );
  },
};

function compare(name: OpName, ours: OpDef, theirs: RegisteredOp | undefined): Outcome {
  const why = deviations[name];
  if (why !== undefined) return skipped(why);
  if (theirs === undefined) return failed('TensorFlow has no such op');
  const differences = [
    differ('inputs', ours.inputs.map(argument), theirs.inputs),
    differ('outputs', ours.outputs.map(argument), theirs.outputs),
    differ(
      'attributes',
      [...ours.attrs.values()].map((a) => attribute(a.name, a.kind, a.default === undefined, a.allowed)),
      theirs.attrs.map((a) => attribute(a.name, a.kind, a.required, a.allowed?.filter(isDType))),
    ),
    differ('stateful', [String(ours.stateful)], [String(theirs.stateful)]),
  ].filter((difference) => difference !== undefined);
  return differences.length === 0 ? passed() : failed(differences.join('; '));
}

const differ = (what: string, ours: readonly string[], theirs: readonly string[]): string | undefined => {
  const [a, b] = [ours.join(', '), theirs.join(', ')];
  return a === b ? undefined : `${what}: ${a} instead of ${b}`;
};

function argument({ name, type, count, isRef }: ArgDef): string {
  const base = 'dtype' in type ? type.dtype : 'attr' in type ? type.attr : `@${type.list}`;
  const repeated = count === undefined ? base : `${count}*${base}`;
  return `${name}:${isRef ? `Ref(${repeated})` : repeated}`;
}

const attribute = (name: string, kind: string, required: boolean, allowed: readonly string[] = []): string =>
  `${name}:${kind}${required ? '' : '?'}{${allowed.join(',')}}`;
