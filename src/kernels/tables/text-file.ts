import type { DType } from '../../base/dtype.ts';
import { UserError } from '../../base/errors.ts';
import type { Element, Table } from './table.ts';

/** TensorFlow's names for what of a line becomes a key or a value; other indices are columns. */
const lineNumber = -1;
const wholeLine = -2;

export type TextFileRules = {
  readonly keyIndex: number;
  readonly valueIndex: number;
  readonly delimiter: string;
  /** How many lines to read; -1 for all. */
  readonly vocabSize: number;
  /** Added to line numbers. */
  readonly offset: number;
};

/** Fills a table from a text file, a line an entry. Throws `UserError` naming the line that does not fit. */
export function fillFromText(table: Table, contents: Uint8Array, rules: TextFileRules): void {
  const { keyIndex, valueIndex, vocabSize, offset } = rules;
  const delimiter = rules.delimiter.charCodeAt(0);
  const isSplit = Math.max(keyIndex, valueIndex) >= 0;
  let number = 0;
  for (const line of linesOf(contents)) {
    if (vocabSize >= 0 && number >= vocabSize) break;
    if (line.length === 0) throw new UserError(`line ${number + 1} of the vocabulary is empty`);
    const columns = isSplit ? splitAt(line, delimiter) : [];
    const pick = (index: number, dtype: DType): Element => {
      if (index === lineNumber) return dtype === 'int64' ? BigInt(number + offset) : number + offset;
      const bytes = index === wholeLine ? line : columns[index];
      if (bytes === undefined) throw new UserError(`line ${number + 1} of the vocabulary has no column ${index}`);
      return parseElement(bytes, dtype, number + 1);
    };
    table.insert(pick(keyIndex, table.keyType), pick(valueIndex, table.valueType));
    number++;
  }
  if (vocabSize >= 0 && number < vocabSize)
    throw new UserError(`the vocabulary has ${number} lines; ${vocabSize} are wanted`);
}

/** Lines without their ends; carriage returns are dropped everywhere, as TensorFlow's reader does. */
function* linesOf(bytes: Uint8Array): Generator<Uint8Array> {
  let start = 0;
  while (start < bytes.length) {
    const end = bytes.indexOf(0x0a, start);
    const line = bytes.subarray(start, end < 0 ? bytes.length : end);
    yield line.includes(0x0d) ? line.filter((byte) => byte !== 0x0d) : line;
    start = end < 0 ? bytes.length : end + 1;
  }
}

function splitAt(line: Uint8Array, delimiter: number): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let start = 0;
  for (let end = line.indexOf(delimiter); end >= 0; end = line.indexOf(delimiter, start)) {
    parts.push(line.subarray(start, end));
    start = end + 1;
  }
  return [...parts, line.subarray(start)];
}

function parseElement(bytes: Uint8Array, dtype: DType, line: number): Element {
  if (dtype === 'string') return bytes;
  const text = new TextDecoder().decode(bytes).trim();
  const isWhole = /^[+-]?\d+$/.test(text);
  if (dtype === 'int64' && isWhole) return BigInt(text);
  if (dtype === 'int32' && isWhole) return Number(text);
  const value = Number(text);
  if ((dtype === 'float32' || dtype === 'float64') && text !== '' && !Number.isNaN(value)) return value;
  throw new UserError(`line ${line} of the vocabulary: '${text}' is not ${dtype}`);
}
