import { UserError } from '../base/errors.ts';

/** The smallest and largest value that is to be represented. */
export type Range = { readonly min: number; readonly max: number };

/** What calibration leaves: a range for each value, by its name, and how it was found. Can be edited and used again. */
export type Ranges = {
  readonly method: string;
  readonly samples: number;
  readonly ranges: ReadonlyMap<string, Range>;
};

const header = 'octet-ranges';

/** Ranges as JSON text, one value a line. */
export function formatRanges({ method, samples, ranges }: Ranges): string {
  const lines = [...ranges].map(
    ([key, { min, max }]) => `    ${JSON.stringify(key)}: { "min": ${min}, "max": ${max} }`,
  );
  return `{\n  "format": "${header}",\n  "version": 1,\n  "method": ${JSON.stringify(method)},\n  "samples": ${samples},\n  "ranges": {\n${lines.join(',\n')}\n  }\n}\n`;
}

/** Reads ranges from JSON text, or from the original tools' log. Throws `UserError` naming the file and the entry. */
export function parseRanges(text: string, file: string): Ranges {
  return text.trimStart().startsWith('{') ? parseJson(text, file) : parseLog(text, file);
}

function parseJson(text: string, file: string): Ranges {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new UserError('is not JSON', { file }, 'write it with octet calibrate', { cause: error });
  }
  const { format, version, method, samples, ranges } = json as Record<string, unknown>;
  if (format !== header || version !== 1 || typeof ranges !== 'object' || ranges === null)
    throw new UserError('is not a ranges file', { file }, 'write it with octet calibrate');
  const entries = Object.entries(ranges as Record<string, unknown>).map(([key, range]) => {
    const { min, max } = (range ?? {}) as Partial<Range>;
    return [key, checked({ min: Number(min), max: Number(max) }, key, file)] as const;
  });
  return { method: String(method ?? 'unknown'), samples: Number(samples ?? 0), ranges: new Map(entries) };
}

/**
 * The original tools' log, one line a tensor and run: `;<node>__print__;__requant_min_max:[min][max]`, with
 * `__min:[x]` and `__max:[x]` for the two ends of a QuantizeV2. Several lines of one node are merged to the widest.
 */
function parseLog(text: string, file: string): Ranges {
  const ranges = new Map<string, { min: number; max: number }>();
  let lines = 0;
  for (const line of text.split('\n')) {
    const match =
      /;?([^;]+?)(?:\/eightbit_(?:requant_range|(?:min|max)_[^;]*?))?__print__;__(requant_min_max|min|max):\[([^\]]+)\](?:\[([^\]]+)\])?/.exec(
        line,
      );
    if (match === null) continue;
    lines++;
    const [, node, kind, first, second] = match as unknown as [string, string, string, string, string?];
    const key = node.trim();
    const range = ranges.get(key) ?? { min: 0, max: 0 };
    if (kind !== 'max') range.min = Math.min(range.min, Number(first));
    if (kind !== 'min') range.max = Math.max(range.max, Number(kind === 'max' ? first : second));
    ranges.set(key, checked(range, key, file));
  }
  if (lines === 0) throw new UserError('holds no ranges', { file }, 'give a ranges file or a calibration log');
  return { method: 'minmax', samples: 0, ranges };
}

/** Ranges as the original tools' log. */
export const formatLog = ({ ranges }: Ranges): string =>
  [...ranges].map(([key, { min, max }]) => `;${key}__print__;__requant_min_max:[${min}][${max}]\n`).join('');

function checked<R extends Range>(range: R, key: string, file: string): R {
  if (!Number.isFinite(range.min) || !Number.isFinite(range.max) || range.min > range.max)
    throw new UserError(`the range of '${key}' is not two ordered numbers`, { file }, 'correct or remove the entry');
  return range;
}
