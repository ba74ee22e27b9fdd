import { expect, it } from 'vitest';
import { optimize } from '../../src/api/optimize.ts';
import { quantize } from '../../src/api/quantize.ts';
import { builder } from '../../src/graph/builder.ts';
import { value } from '../../src/graph/graph.ts';
import { buildReport } from '../../src/report/build.ts';
import { behindChoices } from '../../src/report/chosen.ts';
import { embed, renderReport } from '../../src/report/html.ts';
import { drawStage } from '../../src/report/stage.ts';
import type { StepTime } from '../../src/report/types.ts';
import { openHost } from '../../src/runtime/native/host/host.ts';
import { data, hostile, model, smallReport } from './support.ts';

it('gathers what there is to see of a quantized model', async () => {
  const report = await smallReport();
  expect(report.int8).toMatchObject({ nodes: 3, of: 4 });
  expect(report.fp32).toEqual([{ node: 'third/conv', op: 'Conv2D', reason: 'excluded by the options' }]);
  expect(report.size.reference! / report.size.model).toBeGreaterThan(1);
  expect(report.figures.map((figure) => figure.name)).toEqual(['agreement', 'sqnr']);
  expect(report.speed!.reference).toBeGreaterThan(0);
  expect(report.stages.map((stage) => stage.id)).toEqual(['a', 'b', 'c', 'd']);
  const first = report.values.find((each) => each.key === 'first')!;
  expect(first.sqnr).toBeGreaterThan(20);
  expect(first.low).toBe(0);
  expect(first.high).toBeLessThanOrEqual(first.max! * 1.01);
  // 20 samples are there, 16 are looked at: each has 8 · 8 · 8 elements.
  expect(first.histogram!.reduce((a, b) => a + b, 0)).toBe(16 * 512);
  const [, , c, d] = report.stages;
  const conv = c!.nodes.find((node) => node.key === 'first' && node.kind === 'int8')!;
  expect(conv.weights!.max).toHaveLength(8);
  expect(conv.from).toBe('x');
  expect(c!.nodes.find((node) => node.name === 'third/conv')!.kind).toBe('fp32');
  // What the engine computes in int8 is told apart in the file's graph, and has its own op in the engine's.
  const [island] = c!.nodes.filter((node) => node.kind === 'island' && node.op === 'Relu');
  expect(island!.reason).toContain("octet's engine");
  expect(d!.nodes.filter((node) => node.kind === 'island')).toEqual([]);
  const own = d!.nodes.filter(({ op }) => op.startsWith('_Octet'));
  expect(own.map(({ op }) => op)).toContain('_OctetFloatConv2D');
  for (const { kind, reason } of own) expect([kind, reason]).toEqual(['int8', undefined]);
  expect(d!.nodes.length).toBeLessThan(c!.nodes.length);
  expect(c!.nodes.find((node) => node.op === 'Mean')!.reason).toBe('TensorFlow has no int8 form of Mean');
});

it('finds warnings and reasons again for a model that was saved', async () => {
  const { stages } = await quantize(model, { calibration: data, excludeNodes: ['third/conv'] });
  const report = await buildReport(stages.c, {
    title: 'saved',
    reference: optimize(model),
    options: { excludeNodes: ['third/conv'] },
    drift: { node: 'norm', shift: 5, spread: 1 },
  });
  expect(report.warnings.map(({ kind }) => kind)).toEqual(['preprocessing']);
  expect(report.fp32).toMatchObject([{ node: 'third/conv', reason: 'excluded by the options' }]);
  expect(report.figures).toEqual([]);
  expect(report.speed!.runs).toBeGreaterThan(0);
});

const host = await openHost();
it.skipIf('unavailable' in host)(
  'says where the time goes: each step of both models, by the value it computes',
  async () => {
    const { time } = await smallReport();
    const of = (steps: readonly StepTime[]) =>
      steps.filter((step) => step.key === 'first' && step.family !== 'conversion');
    const [int8] = of(time!.model);
    expect(int8).toMatchObject({
      node: 'first/requantize',
      family: 'convolution',
      kernel: expect.stringMatching(/^conv (?!f32)/),
    });
    expect(int8!.ms).toBeGreaterThan(0);
    // In fp32 the convolution and its relu are two steps.
    expect(of(time!.reference!).map(({ node }) => node)).toEqual(['first/conv', 'first']);
    expect(time!.model.some(({ family }) => family === 'conversion')).toBe(true);
  },
);

it('holds no text of the model that a browser could take for markup', async () => {
  const html = renderReport(await smallReport());
  expect(html).not.toContain('<img');
  expect(html.match(/<script/g)).toHaveLength(2);
  expect(html.match(/<\/script/g)).toHaveLength(2);
  expect(html).not.toMatch(/https?:(?!\/\/www\.w3\.org\/)/);
  expect(html).toContain("default-src 'none'");
  const json = html.split('id="data">')[1]!.split('</script>')[0]!;
  expect((JSON.parse(json) as { title: string }).title).toBe(`small ${hostile}`);
  expect(embed('<!--\u2028&>')).toBe('"\\u003c!--\\u2028\\u0026\\u003e"');
});

it('lays out a graph of 3,000 nodes in reasonable time, without overlaps', async () => {
  const b = builder();
  const x = b.input('x', 'float32', [null, 4]);
  const T = { T: { type: 'float32' } } as const;
  let last = x;
  for (let block = 0; block < 750; block++) {
    const left = b.node('Relu', `block${block}/left`, [last], T);
    const middle = b.node('Sigmoid', `block${block}/middle`, [left], T);
    const right = b.node('Tanh', `block${block}/right`, [last], T);
    last = b.node('AddV2', `block${block}/sum`, [middle, right], T);
  }
  const end = (at: typeof x) => ({ key: at.node, value: value(at.node), dtype: 'float32' as const, shape: null });
  const graph = b.graph();
  const stage = await drawStage(
    { id: 'a', title: 'a', note: '' },
    {
      graph,
      inputs: [end(x)],
      outputs: [end(last)],
      initializers: [],
      assets: new Map(),
    },
  );
  expect(stage.nodes).toHaveLength(3001);
  expect(new Set(stage.nodes.map(({ x: across, y }) => `${Math.round(across / 100)} ${y}`)).size).toBe(3001);
  for (const { from, to } of stage.edges) expect(stage.nodes[to]!.y).toBeGreaterThan(stage.nodes[from]!.y);
}, 120_000);

it('does not compare what comes after a choice: its order may differ', () => {
  const b = builder();
  const scores = b.node('Relu', 'scores', [b.input('x', 'float32', [null, 4])], { T: { type: 'float32' } });
  const best = b.node('ArgMax', 'best', [scores], { T: { type: 'float32' } });
  b.node('Cast', 'class', [best], { SrcT: { type: 'int64' }, DstT: { type: 'float32' } });
  expect([...behindChoices(b.graph())]).toEqual(['best', 'class']);
});
