import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { writeWhole } from '../../src/base/files.ts';
import type { Row } from './rows.ts';

/** What each model is measured by, and how a figure is written. */
const metrics = [
  { figure: 'top-1', heading: 'top-1 %', isShare: true },
  { figure: 'auc', heading: 'AUC', isShare: false },
  { figure: 'hr@10', heading: 'HR@10 %', isShare: true },
] as const;

const number = (value: number | undefined, digits: number): string =>
  value === undefined || Number.isNaN(value) ? '–' : value.toFixed(digits);
const share = (value: number | undefined): string => number(value === undefined ? undefined : 100 * value, 2);

/** One line a model and kind of weights. Without labels, the figure is the agreement with fp32. */
export function markdown(rows: readonly Row[]): string {
  const heading =
    '| model | figure | weights | octet | TensorFlow | same prediction as fp32 % | SQNR dB | TensorFlow = octet % | … with its rounding % |\n|---|---|---|---|---|---|---|---|---|';
  const lines = rows
    .filter(({ runtime }) => runtime === 'octet')
    .map((octet) => {
      const isIt = ({ model, variant, runtime }: Row) =>
        model === octet.model && variant === octet.variant && runtime === 'tensorflow';
      return line(octet, rows.find(isIt), unlabelledHeading(rows, octet.model));
    });
  return [heading, ...lines].join('\n');
}

/** What agreement means: detectors have no SQNR, their boxes are counted. */
const unlabelledHeading = (rows: readonly Row[], model: string): string =>
  rows.some((row) => row.model === model && 'sqnr' in row.figures) ? 'same word as fp32 %' : 'boxes found again %';

function line(octet: Row, tensorflow: Row | undefined, unlabelled: string): string {
  const metric = metrics.find(({ figure }) => figure in octet.figures);
  const show = metric?.isShare === false ? (value?: number) => number(value, 4) : share;
  const figureOf = (row: Row | undefined) => row?.figures[metric?.figure ?? 'agreement'];
  const cells = [
    octet.model,
    metric?.heading ?? unlabelled,
    octet.variant,
    show(figureOf(octet)),
    show(figureOf(tensorflow)),
    share(octet.figures.agreement),
    number(octet.figures.sqnr, 1),
    share(tensorflow?.same),
    share(tensorflow?.exact),
  ];
  return `| ${cells.join(' | ')} |`;
}

/** Replaces what stands between the marks of a document, whose path is from the repository's root. */
export async function writeTable(document: string, name: string, table: string): Promise<void> {
  const path = fileURLToPath(new URL(`../../${document}`, import.meta.url));
  const text = readFileSync(path, 'utf8');
  const pattern = new RegExp(`(<!-- ${name} -->\n)[\\s\\S]*?(<!-- /${name} -->)`);
  if (!pattern.test(text)) throw new Error(`${path} has no marks for ${name}`);
  await writeWhole(
    path,
    text.replace(pattern, (_, start: string, end: string) => `${start}${table}\n${end}`),
  );
}
