/**
 * Quantizes models that are really published (TF.js graph models of the npm package @vladmandic/human), draws what their
 * fp32 and int8 forms find on a photograph side by side into out/demo.png, and prints what the int8 form costs and saves.
 */
import { mkdir, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { terminalProgress } from '../src/cli/progress.ts';
import { table } from '../src/cli/table.ts';
import { datasetOf } from '../src/data/dataset.ts';
import { sqnr } from '../src/data/metrics/sqnr.ts';
import { compile, type Dataset, inspect, load, type Model, optimize, quantize, type Tensor } from '../src/index.ts';
import { drawPanels, type Panel } from './demo/draw.ts';
import { type DemoModel, demoModels, type Mark } from './demo/models.ts';

const photographs = [1, 2, 3, 4, 5, 6].map((i) =>
  fileURLToPath(new URL(`../node_modules/@vladmandic/face-api/demo/sample${i}.jpg`, import.meta.url)),
);
const out = fileURLToPath(new URL('../out/', import.meta.url));

/** The photographs as a model sees them: whole, or their right-hand square. */
const picturesFor = ({ square }: DemoModel): Promise<readonly Buffer[]> =>
  Promise.all(
    photographs.map((file) => {
      const picture = sharp(file).resize({ height: 840 });
      return (square ? picture.resize(840, 840, { fit: 'cover', position: 'right' }) : picture).png().toBuffer();
    }),
  );

const pixelsOf = async (picture: Buffer, size: number): Promise<Uint8Array> =>
  sharp(picture).resize(size, size, { fit: 'fill' }).removeAlpha().raw().toBuffer();

const dataset = (model: Model, { size, input }: DemoModel, pictures: readonly Buffer[]): Dataset =>
  datasetOf(async function* () {
    for (const [i, picture] of pictures.entries())
      yield {
        name: photographs[i]!,
        load: async () => new Map([[model.inputs[0]!.key, input(await pixelsOf(picture, size))]]),
      };
  }, pictures.length);

type Measured = {
  readonly outputs: readonly (readonly Tensor[])[];
  readonly milliseconds: number;
  readonly backend: string;
};

/** Runs a model on every photograph; the time is the fastest run's. */
async function measure(model: Model, data: Dataset): Promise<Measured> {
  using session = await compile(model);
  const outputs: (readonly Tensor[])[] = [];
  let milliseconds = Number.POSITIVE_INFINITY;
  for await (const { feeds } of data.samples()) {
    const start = performance.now();
    const result = await session.run(Object.fromEntries(feeds));
    milliseconds = Math.min(milliseconds, performance.now() - start);
    outputs.push(Object.values(result));
  }
  return { outputs, milliseconds, backend: session.backend };
}

function sqnrOf(a: readonly Float32Array[], b: readonly Float32Array[]): number {
  const meter = sqnr();
  for (const [i, x] of a.entries()) meter.add(x, b[i]!);
  return meter.value();
}

/** Share of the first's boxes that the second has too: same label, intersection over union of at least a half. */
function foundAgain(first: readonly (readonly Mark[])[], second: readonly (readonly Mark[])[]): string {
  const boxes = first.flatMap((marks, i) =>
    marks.filter((mark) => mark.kind === 'box').map((box) => ({ box, others: second[i]! })),
  );
  if (boxes.length === 0) return '–';
  const again = boxes.filter(({ box, others }) =>
    others.some((other) => other.kind === 'box' && other.label === box.label && overlap(box, other) >= 0.5),
  );
  return `${again.length} of ${boxes.length}`;
}

type Box = Extract<Mark, { kind: 'box' }>;
function overlap(a: Box, b: Box): number {
  const area = ({ left, top, right, bottom }: Pick<Box, 'left' | 'top' | 'right' | 'bottom'>) =>
    Math.max(0, right - left) * Math.max(0, bottom - top);
  const both = area({
    left: Math.max(a.left, b.left),
    top: Math.max(a.top, b.top),
    right: Math.min(a.right, b.right),
    bottom: Math.min(a.bottom, b.bottom),
  });
  return both / (area(a) + area(b) - both);
}

const megabytes = async (path: string): Promise<string> => `${((await stat(path)).size / 1e6).toFixed(1)} MB`;

await mkdir(out, { recursive: true });
const rows: string[][] = [
  ['model', 'finds', 'fp32', 'int8', 'ops in int8', 'found again', 'SQNR', 'fp32 time', 'int8 time', 'backend'],
];
const panels: Panel[][] = [];
for (const demo of demoModels) {
  const fp32 = optimize(await load(demo.file));
  const pictures = await picturesFor(demo);
  const data = dataset(fp32, demo, pictures);
  const int8 = await quantize(fp32, {
    calibration: data,
    progress: terminalProgress(),
    ...(demo.excludeNodes && { excludeNodes: demo.excludeNodes }),
  });
  const paths = { fp32: `${out}${demo.name}.fp32.pb`, int8: `${out}${demo.name}.int8.pb` };
  await fp32.save(paths.fp32);
  await int8.save(paths.int8);
  const [before, after] = [await measure(fp32, data), await measure(int8, data)];
  const [marksBefore, marksAfter] = [before.outputs.map(demo.marks), after.outputs.map(demo.marks)];
  const compared = fp32.outputs.findIndex(({ key }) => key === demo.compared);
  const values = ({ outputs }: Measured) => outputs.map((o) => o[compared]!.data as Float32Array);
  const { nodes } = inspect(int8).int8;
  rows.push([
    demo.name,
    demo.what,
    await megabytes(paths.fp32),
    await megabytes(paths.int8),
    `${nodes} of ${nodes + inspect(int8).fp32.length}`,
    foundAgain(marksBefore, marksAfter),
    `${sqnrOf(values(before), values(after)).toFixed(1)} dB`,
    `${before.milliseconds.toFixed(1)} ms`,
    `${after.milliseconds.toFixed(1)} ms`,
    after.backend,
  ]);
  const photograph = pictures[demo.shown]!;
  panels.push([
    { title: `${demo.name}, fp32`, photograph, marks: marksBefore[demo.shown]! },
    { title: `${demo.name}, int8`, photograph, marks: marksAfter[demo.shown]! },
  ]);
}
await drawPanels(panels, `${out}demo.png`);
console.log(`
${table(rows)}

ops in int8: convolutions and matrix products, of all. found again: fp32's boxes that int8 finds too, of the same class and
place (IoU 0.5). SQNR: how far the outputs stand above what rounding changed; 20 dB is a tenth. Times: the fastest run.

The picture is out/demo.png; how to quantize a model of your own: npx octet quantize --help, and the README.`);
