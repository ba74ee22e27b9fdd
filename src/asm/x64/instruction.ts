/** Finding the form of an instruction that takes the operands at hand. */
import { Code, immediateCode } from './codes.ts';
import { type Encoder, encoder } from './encode.ts';
import { AssemblerError } from './error.ts';
import { type Form, parseRows } from './form.ts';
import { operandText } from './listing.ts';
import type { Feature, Row } from './notation.ts';
import type { Argument } from './operand.ts';

export interface Choice {
  readonly form: Form;
  readonly encode: Encoder;
}

/** An instruction of a table, its rows parsed when it is first used. */
export interface Instruction {
  readonly mnemonic: string;
  readonly choices: () => readonly Choice[];
}

export function instruction(mnemonic: string, rows: readonly Row[]): Instruction {
  let parsed: Choice[] | undefined;
  const parse = (): Choice[] => parseRows(mnemonic, rows).map((form) => ({ form, encode: encoder(form) }));
  return {
    mnemonic,
    choices: () => {
      parsed ??= parse();
      return parsed;
    },
  };
}

/** The code of an operand; labels count as `near`. */
export function codeOf(operand: Argument): number {
  return typeof operand === 'object' ? operand.code : immediateCode(operand);
}

const accepts = (form: Form, codes: readonly number[]): boolean =>
  form.specs.length === codes.length && form.specs.every((spec, i) => spec.codes.has(codes[i]!));

const allowed = (form: Form, features: ReadonlySet<Feature> | undefined): boolean =>
  features === undefined || form.needs.every((feature) => features.has(feature));

function mismatch(what: Instruction, operands: readonly Argument[], codes: readonly number[], missing: Form[]): never {
  const given = operands.map((operand) => operandText(operand, 0)).join(', ');
  if (missing.length > 0) {
    const needs = [...new Set(missing.map((form) => form.needs.join(' and ')))].join(' or ');
    throw new AssemblerError(`${what.mnemonic} ${given}: needs ${needs}, which this program may not use`);
  }
  const bad = operands.find((_, i) => codes[i] === Code.none);
  if (bad !== undefined) throw new AssemblerError(`${what.mnemonic} ${given}: ${bad} is no 64-bit integer`);
  const forms = what
    .choices()
    .map(({ form }) => `  ${form.specs.map((spec) => spec.text).join(', ')}  (${form.row[1]})`);
  throw new AssemblerError(
    `${what.mnemonic} has no form for '${given}'; it takes (registers 16 to 31 and masks with EVEX only):\n${forms.join('\n')}`,
  );
}

/**
 * The first form, in the order of the tables, that takes operands of these codes and needs no more than `features`.
 * @throws AssemblerError naming the forms there are
 */
export function choose(
  what: Instruction,
  operands: readonly Argument[],
  codes: readonly number[],
  features: ReadonlySet<Feature> | undefined,
): Choice {
  const fitting = what.choices().filter(({ form }) => accepts(form, codes));
  return (
    fitting.find(({ form }) => allowed(form, features)) ??
    mismatch(
      what,
      operands,
      codes,
      fitting.map(({ form }) => form),
    )
  );
}
