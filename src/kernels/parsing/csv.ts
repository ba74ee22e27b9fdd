import { type DType, dtypes } from '../../base/dtype.ts';
import { UserError } from '../../base/errors.ts';
import type { Tensor } from '../../base/tensor.ts';
import { readAttr } from '../../graph/attr.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';
import { parseNumber } from '../strings/number.ts';
import { decode, encode, stringsOf } from '../strings/text.ts';

/** One line of RFC 4180: quotes around a field, doubled inside of it. */
function fieldsOf(record: string, delimiter: string, isQuoted: boolean): string[] {
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    if (isQuoted && record[at] === '"') {
      let field = '';
      at++;
      for (;;) {
        const end = record.indexOf('"', at);
        if (end < 0) throw new UserError('a quoted field has no closing quote');
        field += record.slice(at, end);
        at = end + 1;
        if (record[at] !== '"') break;
        field += '"';
        at++;
      }
      if (at < record.length && record[at] !== delimiter)
        throw new UserError('a closing quote is not followed by a delimiter');
      fields.push(field);
    } else {
      const end = record.indexOf(delimiter, at);
      const field = record.slice(at, end < 0 ? record.length : end);
      if (isQuoted && field.includes('"')) throw new UserError('an unquoted field holds a quote');
      fields.push(field);
      at = end < 0 ? record.length : end;
    }
    if (at >= record.length) return fields;
    at++;
    if (at === record.length) return [...fields, ''];
  }
}

/** DecodeCSV: a column an output, of the type of its default; a default of no elements makes the column required. */
export const decodeCsv: ReferenceKernel = ([records, ...defaults], node) => {
  const delimiter = readAttr(node, 'field_delim', 'string', ',');
  const isQuoted = readAttr(node, 'use_quote_delim', 'bool', true);
  const missing = readAttr(node, 'na_value', 'string', '');
  const selected = readAttr(node, 'select_cols', 'ints', []);
  const columns = defaults.map((): unknown[] => []);
  for (const [row, bytes] of stringsOf(records!).entries()) {
    const all = fieldsOf(decode(bytes), delimiter, isQuoted);
    const fields = selected.length > 0 ? selected.map((i) => all[i]) : all;
    if (fields.length !== columns.length || fields.includes(undefined))
      throw new UserError(`record ${row} has ${all.length} fields; ${columns.length} are wanted`);
    for (const [i, field] of fields.entries()) {
      const isMissing = field === '' || field === missing;
      const fallback = defaults[i]!.data[0];
      if (isMissing && fallback === undefined)
        throw new UserError(`field ${i} of record ${row} is required but missing`);
      columns[i]!.push(isMissing ? fallback : parseField(field!, defaults[i]!.dtype));
    }
  }
  return columns.map((column, i) => columnOf(defaults[i]!.dtype, records!, column));
};

const parseField = (text: string, dtype: DType): unknown =>
  dtype === 'string' ? encode(text) : parseNumber(text, dtype);

function columnOf(dtype: DType, { shape }: Tensor, values: readonly unknown[]): Tensor {
  const data = dtype === 'string' ? values : (dtypes[dtype].array as Float32ArrayConstructor).from(values as number[]);
  return { dtype, shape, data } as unknown as Tensor;
}
