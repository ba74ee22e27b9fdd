import type { FormRow } from './table.ts';
import type { Expected, UnwrittenForm } from './unwritten.ts';

const row = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
const head = (cells: readonly string[]): string => `${row(cells)}\n${row(cells.map(() => '---'))}`;

/** The two tables of quantized forms for docs/conformance.md. */
export function formsReport(
  rows: readonly FormRow[],
  unwritten: readonly { readonly form: UnwrittenForm; readonly found: Expected }[],
): string {
  const written = merged(rows).map((r) =>
    row([
      `(${r.stage})`,
      `\`${r.op}\``,
      `${r.input} → ${r.output}`,
      r.weights || '–',
      r.geometry || '–',
      [...r.results].map(([result, count]) => (r.results.size === 1 ? result : `${count} ${result}`)).join(', '),
      r.elements,
      r.different,
    ]),
  );
  const others = unwritten.map(({ form: { form, why }, found }) => row([`\`${form.op}\``, form.name, found, why]));
  return [
    '## Forms that octet writes',
    '',
    head(['stage', 'op', 'types', 'weights', 'geometry', 'in TensorFlow', 'elements', 'one step apart']),
    ...written,
    '',
    '## Forms that octet reads and runs, but does not write',
    '',
    head(['op', 'form', 'TensorFlow and octet', 'why it is not written']),
    ...others,
    '',
  ].join('\n');
}

/** Rows of one op and types as one, with all their geometries. */
function merged(rows: readonly FormRow[]): readonly FormRow[] {
  const all = new Map<string, FormRow & { readonly geometries: ReadonlySet<string> }>();
  for (const one of rows) {
    const key = JSON.stringify([one.stage, one.op, one.input, one.output, one.weights]);
    const old = all.get(key);
    const geometries = new Set([...(old?.geometries ?? []), one.geometry]);
    const results = new Map(old?.results);
    for (const [result, count] of one.results) results.set(result, (results.get(result) ?? 0) + count);
    all.set(key, {
      ...one,
      geometries,
      geometry: [...geometries].join('; '),
      elements: (old?.elements ?? 0) + one.elements,
      different: (old?.different ?? 0) + one.different,
      results,
    });
  }
  return [...all.values()].sort((a, b) => (`${a.stage}${a.op}${a.input}` < `${b.stage}${b.op}${b.input}` ? -1 : 1));
}
