import { existsSync } from 'node:fs';
import { UserError } from '../base/errors.ts';
import { readBytes, writeWhole } from '../base/files.ts';
import { listOf, object, parseWith, type Schema, text } from '../base/schema.ts';
import type { Trial } from './search.ts';

/** What a tuning run knows so far: enough to go on after it was killed. */
export type State = {
  /** What the trials depend on: another model, data or metric must not be mixed with them. */
  readonly subject: string;
  readonly reference?: number;
  readonly ranking?: readonly { readonly layer: string; readonly value: string; readonly sqnr?: number }[];
  readonly trials: readonly Trial[];
  /** The nodes in fp32 of the model that was written last: the best by then. */
  readonly written?: readonly string[];
};

const number: Schema = { type: 'number' };
const schema = object(
  {
    format: { const: 'octet-tune' },
    version: { type: 'integer', minimum: 1, maximum: 1 },
    subject: text,
    reference: number,
    ranking: listOf(object({ layer: text, value: text, sqnr: number }, ['layer', 'value']), 0),
    written: listOf(text, 0),
    trials: listOf(object({ fp32: listOf(text, 0), figure: number, seconds: number }), 0),
  },
  ['format', 'version', 'subject', 'trials'],
);

export const saveState = (file: string, state: State): Promise<void> =>
  writeWhole(file, `${JSON.stringify({ format: 'octet-tune', version: 1, ...state }, undefined, 1)}\n`);

/** The state in `file`, or an empty one. Throws `UserError` where the file is of another run, or is not such a file. */
export async function loadState(file: string | undefined, subject: string): Promise<State> {
  if (file === undefined || !existsSync(file)) return { subject, trials: [] };
  const json = new TextDecoder().decode(await readBytes(file));
  const { format, version, ...state } = parseWith(schema, json, 'state', { file }) as State & {
    format: string;
    version: number;
  };
  if (state.subject !== subject)
    throw new UserError(
      'is of another model, data set or metric',
      { file },
      'give another --state file, or remove this one to start anew',
    );
  return state;
}
