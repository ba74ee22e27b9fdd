import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { compileSegment } from '../../src/compile/compile.ts';
import { emitProgram, type Field } from '../../src/compile/emit/driver.ts';
import { partition } from '../../src/compile/partition.ts';
import { checkProgram, type Program } from '../../src/compile/program.ts';
import type { Access, Step } from '../../src/kernels/native-kernel.ts';
import { referenceKernel } from '../../src/runtime/native/open.ts';
import { net } from './graphs.ts';

/** A program with every kind of step: halos, borders, a residual, a concat in place, a copy, constants. */
const program = (): Program => compiled().program;

function compiled(seed = 3) {
  const n = net(seed);
  const x = n.input('x', [1, 8, 6, 5]);
  const a = n.conv(x, { kernel: [3, 3], out: 12 });
  const b = n.conv(n.depthwise(n.conv(a, { out: 40 }), { kernel: [3, 3] }), { out: 12, summand: a });
  const y = n.conv(n.concat([b, n.conv(b, { out: 7 }), x]), { kernel: [3, 3], out: 9 });
  const model = n.model([y.codes], [x]);
  const { segments } = partition(model.graph, [x.codes], [y.codes]);
  const [segment] = [...segments.values()];
  const compiled = compileSegment(segment!, [{ dtype: 'quint8', shape: [1, 8, 6, 5] }], {
    isa: 'avx2',
    reference: referenceKernel,
  });
  expect(compiled.program.parts).toHaveLength(1);
  return compiled;
}

type Change = (access: Access, p: Program) => Access;

/** The program with access `which` of its `at`-th step changed. */
function corrupted(p: Program, at: number, which: number, change: Change): Program {
  let seen = 0;
  return {
    ...p,
    parts: p.parts.map((part) =>
      part.kind === 'host'
        ? part
        : {
            ...part,
            stages: part.stages.map((stage) => ({
              ...stage,
              steps: stage.steps.map((step): Step => {
                if (seen++ !== at) return step;
                return { ...step, accesses: step.accesses.map((a, i) => (i === which ? change(a, p) : a)) };
              }),
            })),
          },
    ),
  };
}

const stepsOf = (p: Program): readonly Step[] =>
  p.parts.flatMap((part) => (part.kind === 'native' ? part.stages.flatMap((stage) => stage.steps) : []));

const sizeOf = (access: Access, p: Program): number => (access.base === 'arena' ? p.arenaBytes : p.constantBytes);

/** Ways to leave what a step may touch. */
const changes: Readonly<Record<string, Change>> = {
  'before its memory': (a) => ({ ...a, begin: -1 }),
  'behind the end': (a, p) => ({ ...a, end: sizeOf(a, p) + 1 }),
  'far away': (a) => ({ ...a, begin: a.begin + 2 ** 40, end: a.end + 2 ** 40 }),
  'by an offset that is no number': (a) => ({ ...a, begin: Number.NaN }),
  'by a fraction': (a) => ({ ...a, begin: a.begin + 0.5 }),
  backwards: (a) => ({ ...a, begin: a.end + 1 }),
  'without end': (a) => ({ ...a, end: Number.POSITIVE_INFINITY }),
};

describe('the check of plans', () => {
  let good: Program;
  beforeAll(() => {
    good = program();
  });

  it('passes what the planner made', () => {
    expect(() => checkProgram(good)).not.toThrow();
    expect(new Set(stepsOf(good).flatMap((step) => step.accesses.map((a) => `${a.mode} ${a.base}`)))).toEqual(
      new Set(['read arena', 'write arena', 'read constants']),
    );
  });

  it.each(Object.entries(changes))('refuses every access %s, before a byte is emitted', (_, change) => {
    for (const [at, step] of stepsOf(good).entries())
      for (const which of step.accesses.keys())
        expect(() => emitProgram(corrupted(good, at, which, change), undefined)).toThrow(/would (read|write)/);
  });

  it('refuses images whose values would be copied from or to elsewhere', () => {
    const { program: p, images } = compiled();
    expect(() => emitProgram(p, images)).not.toThrow();
    const wrong = (which: 'inputs' | 'outputs', change: Partial<Field> | { readonly record: number }) => {
      const { bytes, fields } = images![which];
      const record =
        'record' in change
          ? { bytes: change.record, fields }
          : { bytes, fields: fields.map((field) => ({ ...field, ...change })) };
      return { ...images!, [which]: record };
    };
    for (const which of ['inputs', 'outputs'] as const) {
      const { bytes } = images![which];
      const size = images![which].fields[0]!.bytes;
      for (const change of [
        ...[-1, 0.5, Number.NaN, p.arenaBytes - size + 1, 2 ** 40].map((arena) => ({ arena })),
        ...[-1, 0.5, Number.NaN, bytes - size + 1, 2 ** 40].map((at) => ({ at })),
        ...[-1, 0.5, Number.NaN, bytes + 1, Number.POSITIVE_INFINITY].map((length) => ({ bytes: length })),
        ...[-1, 0.5, size - 1, 2 ** 31, Number.NaN].map((record) => ({ record })),
      ])
        expect(() => emitProgram(p, wrong(which, change)), JSON.stringify(change)).toThrow(/an image's value/);
    }
  });

  it('code holds nothing of the weights: that of other weights is the same', () => {
    const [one, other] = [compiled(3), compiled(4)];
    expect(one.program.constants.map((c) => c.bytes)).not.toEqual(other.program.constants.map((c) => c.bytes));
    expect(Buffer.compare(one.code.bytes, other.code.bytes)).toBe(0);
  });

  it('refuses every write outside of the step’s own output', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.nat(), (i, j, k) => {
        const steps = stepsOf(good);
        const at = i % steps.length;
        const writes = steps[at]!.accesses.flatMap((a, index) => (a.mode === 'write' ? [index] : []));
        const which = writes[j % writes.length]!;
        const access = steps[at]!.accesses[which]!;
        const begin = k % (good.arenaBytes - 1);
        const isInside = begin >= access.begin && begin < access.end;
        const moved = corrupted(good, at, which, (a) => ({ ...a, begin, end: begin + (a.end - a.begin) }));
        if (!isInside && begin !== access.begin && !isOwn(good, at, begin, access))
          expect(() => checkProgram(moved)).toThrow(/would write/);
      }),
      { numRuns: 2000 },
    );
  });

  it('refuses writes to constants, counts of tiles that overflow, and steps with no regions', () => {
    const writes = corrupted(good, 0, 0, (a) => ({ ...a, base: 'constants', mode: 'write', begin: 0, end: 64 }));
    expect(() => checkProgram(writes)).toThrow(/write bytes 0 to 64 of the constants/);
    for (const tiles of [0, -1, 1.5, 2 ** 31, Number.NaN]) {
      const bad = mapSteps(good, (step) => ({ ...step, tiles }));
      expect(() => checkProgram(bad)).toThrow(/tiles/);
    }
    const parts = good.parts.map((part) =>
      part.kind === 'host' ? part : { ...part, stages: part.stages.map((stage) => ({ ...stage, allowed: [] })) },
    );
    expect(() => checkProgram({ ...good, parts })).toThrow(/may touch nothing/);
  });
});

const mapSteps = (p: Program, change: (step: Step) => Step): Program => ({
  ...p,
  parts: p.parts.map((part) =>
    part.kind === 'host'
      ? part
      : { ...part, stages: part.stages.map((stage) => ({ ...stage, steps: stage.steps.map(change) })) },
  ),
});

/** Whether bytes from `begin` on, as many as `access` covers, lie in what the step may write. */
function isOwn(p: Program, at: number, begin: number, access: Access): boolean {
  let seen = 0;
  for (const part of p.parts)
    if (part.kind === 'native')
      for (const stage of part.stages)
        for (const i of stage.steps.keys())
          if (seen++ === at)
            return stage.allowed[i]!.writes.some(
              (region) => region.begin <= begin && begin + (access.end - access.begin) <= region.end,
            );
  return false;
}
