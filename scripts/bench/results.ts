import { median } from '../../src/base/statistics.ts';
import type { Peak } from '../../src/runtime/native/peak.ts';
import type { DataType } from './engines.ts';

export type Measurement = {
  readonly network: string;
  readonly batch: number;
  readonly engine: string;
  readonly dtype: DataType;
  /** Samples a second: the batch over the median of all runs. */
  readonly median: number;
  readonly best: number;
  /** Likewise, the median of each turn: what else happens on the machine changes from turn to turn. */
  readonly turns: readonly number[];
};

export type Results = {
  readonly date: string;
  readonly processor: string;
  readonly node: string;
  readonly threads: number;
  /** Of one core, in GMAC/s; absent where there is no native code. */
  readonly peak: Peak | undefined;
  readonly versions: readonly string[];
  readonly measurements: readonly Measurement[];
};

const find = (all: readonly Measurement[], engine: string, dtype: DataType): Measurement | undefined =>
  all.find((m) => m.engine === engine && m.dtype === dtype);

const speed = (m: Measurement | undefined): string =>
  m === undefined ? '–' : m.median.toFixed(m.median < 100 ? 1 : 0);

/** Of turns that followed each other, since a machine may be half as fast a minute later: the median of their ratios. */
const ratio = (a: Measurement | undefined, b: Measurement | undefined): string =>
  a === undefined || b === undefined
    ? '–'
    : `${median(a.turns.map((speed, turn) => speed / b.turns[turn]!)).toFixed(2)} ×`;

/** `later`, and what only `earlier` has measured, where it is of the same day, machine, setting and versions. */
export function merged(earlier: Results | undefined, later: Results): Results {
  const same = ({ date, processor, node, threads, versions }: Results) =>
    JSON.stringify([date, processor, node, threads, versions]);
  if (earlier === undefined || same(earlier) !== same(later)) return later;
  const isNew = (old: Measurement) =>
    later.measurements.every((m) => m.network !== old.network || m.batch !== old.batch);
  return { ...later, measurements: [...earlier.measurements.filter(isNew), ...later.measurements] };
}

const head = [
  'images/s',
  'batch',
  'TensorFlow fp32',
  'ONNX Runtime fp32 / int8',
  'OpenVINO fp32 / int8',
  'octet fp32 / int8',
  'int8 : best peer int8',
  'fp32 : best peer fp32',
  'int8 : TensorFlow fp32',
];

/** The results as a Markdown table with a line on where they come from. */
export function markdown({ date, processor, node, threads, peak, versions, measurements }: Results): string {
  const settings = [...new Map(measurements.map((m) => [`${m.network} ${m.batch}`, m])).values()];
  const rows = settings.map(({ network, batch }) => {
    const all = measurements.filter((m) => m.network === network && m.batch === batch);
    const both = (engine: string) => `${speed(find(all, engine, 'fp32'))} / ${speed(find(all, engine, 'int8'))}`;
    const bestPeer = (dtype: DataType) =>
      all.filter((m) => m.engine !== 'octet' && m.dtype === dtype).toSorted((a, b) => b.median - a.median)[0];
    const [fp32, int8] = [find(all, 'octet', 'fp32'), find(all, 'octet', 'int8')];
    const tensorflow = find(all, 'TensorFlow', 'fp32');
    const ratios = [ratio(int8, bestPeer('int8')), ratio(fp32, bestPeer('fp32')), ratio(int8, tensorflow)];
    return [network, batch, speed(tensorflow), both('ONNX Runtime'), both('OpenVINO'), both('octet'), ...ratios];
  });
  const lines = [head, head.map((_, i) => (i === 0 ? '---' : '--:')), ...rows].map((row) => `| ${row.join(' | ')} |`);
  const limits =
    peak === undefined
      ? ''
      : `; its limit is ${peak.int8.toFixed(0)} GMAC/s int8 and ${peak.float32.toFixed(1)} fp32 a core`;
  const where = `${date}, ${processor}, ${threads} threads${limits}. Node ${node}${versions.map((v) => `, ${v}`).join('')}. Medians; engines took turns, and ratios are of neighbouring turns.`;
  return `${lines.join('\n')}\n\n${where}`;
}

const marks = ['<!-- speed -->', '<!-- /speed -->'] as const;

/** The document with the table between its marks; undefined where it has none. */
export function withTable(document: string, table: string): string | undefined {
  const [begin, end] = marks.map((mark) => document.indexOf(mark)) as [number, number];
  if (begin < 0 || end < begin) return undefined;
  return `${document.slice(0, begin + marks[0].length)}\n\n${table}\n\n${document.slice(end)}`;
}
