import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseRows } from '../../src/asm/x64/form.ts';
import type { Table } from '../../src/asm/x64/notation.ts';
import { table } from '../../src/asm/x64/tables/index.ts';
import {
  GOLDEN,
  hex,
  INSTANCES_PER_FORM,
  JUMPS,
  jumpProgram,
  objdumpLines,
  recordedInstances,
} from './support/golden.ts';
import { asObjdump, emit, type Instance, instances } from './support/instances.ts';
import { hasObjdump } from './support/objdump.ts';

const lineOf = (instance: Instance): string => {
  const { bytes, text } = emit(instance);
  return `${hex(bytes)}\t${asObjdump(instance, text)}`;
};

const differences = (ours: readonly string[], theirs: readonly string[]): string[] =>
  ours.flatMap((line, i) => (line === theirs[i] ? [] : [`ours:    ${line}\nobjdump: ${theirs[i]}`])).slice(0, 20);

describe('every row', () => {
  const golden = readFileSync(GOLDEN, 'utf8').trimEnd().split('\n');
  const recorded = recordedInstances();
  const jumps = jumpProgram().lines.map(({ bytes, text }) => `${hex(bytes)}\t${text}`);

  it('emits the bytes that were recorded, and binutils reads in them what the listing says', () => {
    expect(differences(recorded.map(lineOf), golden)).toEqual([]);
  });

  it('jumps and calls reach their labels, forward and back, near and far; padding is nops', () => {
    expect(differences(jumps, golden.slice(recorded.length))).toEqual([]);
  });

  it('is among those recorded', () => {
    expect(golden.length).toBe(recorded.length + jumps.length);
    const forms = Object.entries(table as Table).flatMap(([name, rows]) => parseRows(name, rows));
    const seen = new Map<string, number>();
    const id = (form: Instance['form']): string => `${form.mnemonic} ${form.row.join(' ')} ${form.length}`;
    for (const { form } of recorded) seen.set(id(form), (seen.get(id(form)) ?? 0) + 1);
    const unseen = forms.filter((form) =>
      form.labelBytes > 0
        ? form.mnemonic !== 'call' && !JUMPS.includes(form.mnemonic)
        : (seen.get(id(form)) ?? 0) < (form.specs.length === 0 ? 1 : INSTANCES_PER_FORM),
    );
    expect(unseen.map(id)).toEqual([]);
  });

  it.runIf(hasObjdump())('is read alike by the binutils of this machine, with fresh operands', () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const fresh = instances(seed, 3);
    const theirs = objdumpLines(fresh.map((instance) => emit(instance).bytes));
    expect(differences(fresh.map(lineOf), theirs), `seed ${seed}`).toEqual([]);
  });
});
