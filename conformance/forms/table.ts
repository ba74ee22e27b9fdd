import type { Form, OpResult } from '../op-by-op.ts';

export type FormRow = Form & {
  readonly stage: string;
  readonly elements: number;
  readonly different: number;
  readonly largest: number;
  readonly results: ReadonlyMap<string, number>;
};

/** What was found of each form, over all the nodes that had it. */
export class FormTable {
  readonly #rows = new Map<string, FormRow>();

  add(stage: string, { form, status, elements, different, largest, problem }: OpResult): void {
    const key = JSON.stringify([stage, ...Object.values(form)]);
    const old = this.#rows.get(key);
    const result = status !== 'ok' ? status : problem === undefined ? 'right' : 'wrong';
    this.#rows.set(key, {
      ...form,
      stage,
      elements: (old?.elements ?? 0) + elements,
      different: (old?.different ?? 0) + different,
      largest: Math.max(old?.largest ?? 0, largest),
      results: new Map(old?.results).set(result, (old?.results.get(result) ?? 0) + 1),
    });
  }

  rows(): readonly FormRow[] {
    return [...this.#rows.values()];
  }
}
