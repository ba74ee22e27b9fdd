import { createReadStream } from 'node:fs';
import { CsvError, parse } from 'csv-parse';
import { type Place, UserError } from '../../base/errors.ts';
import { sizeOf } from '../../base/shape.ts';
import { stringTensor, type Tensor, tensor, tensorOf } from '../../base/tensor.ts';
import { encodeExample } from '../../formats/example.ts';
import { type Dataset, datasetOf } from '../dataset.ts';
import { parseExpression } from '../expression.ts';
import type { ExampleSource, FeatureSource, InputSource, Recipe } from '../recipe/recipe.ts';

/** A row's cells by their column. */
type Row = { readonly cell: (column: string) => string; readonly place: Place };
type ReadInput = (row: Row) => Tensor;

/**
 * The rows of a CSV file with a header line, one sample each, streamed. An `example` input makes each row a serialized
 * tf.Example; a `feature` input takes one column. Throws `UserError` naming row and column where a cell is no number.
 */
export function csvDataset(file: string, recipe: Recipe): Dataset {
  const inputs = recipe.inputs.map(({ name, from }) => [name, inputReader(from, file)] as const);
  const label =
    recipe.labels?.expression === undefined ? undefined : parseExpression(recipe.labels.expression, { file });
  return datasetOf(async function* () {
    for await (const row of rows(file)) {
      // An empty cell is NaN, and so is what is calculated with it: such a row has no label.
      const value = label?.value((column) => numberIn(row, column) ?? Number.NaN);
      yield {
        name: row.place.file!,
        ...(value === undefined || Number.isNaN(value) ? {} : { label: value }),
        load: async () => new Map(inputs.map(([name, read]) => [name, read(row)])),
      };
    }
  });
}

async function* rows(file: string): AsyncGenerator<Row> {
  const stream = createReadStream(file);
  const parser = stream.pipe(parse({ bom: true, skip_empty_lines: true, max_record_size: 2 ** 20 }));
  stream.on('error', (error) => parser.destroy(error));
  let columns: ReadonlyMap<string, number> | undefined;
  let number = 1;
  try {
    for await (const cells of parser as AsyncIterable<string[]>) {
      if (columns === undefined) {
        columns = new Map(cells.map((name, i) => [name.trim(), i]));
        continue;
      }
      const known = columns;
      const place = { file: `${file} row ${number++}` };
      const cell = (column: string): string => {
        const index = known.get(column);
        if (index === undefined)
          throw new UserError(`has no column '${column}'`, { file }, `there are: ${[...known.keys()].join(', ')}`);
        return cells[index]!.trim();
      };
      yield { cell, place };
    }
  } catch (error) {
    if (!(error instanceof CsvError) && (error as { code?: unknown }).code === undefined) throw error;
    throw new UserError(`can't be read: ${(error as Error).message}`, { file }, undefined, { cause: error });
  } finally {
    stream.destroy();
  }
}

function numberIn(row: Row, column: string): number | undefined {
  const text = row.cell(column);
  if (text === '') return undefined;
  const value = Number(text);
  if (Number.isNaN(value))
    throw new UserError(`column '${column}' holds '${text.slice(0, 40)}', not a number`, row.place);
  return value;
}

function wholeNumberIn(row: Row, column: string): number | undefined {
  const value = numberIn(row, column);
  if (value !== undefined && !Number.isSafeInteger(value))
    throw new UserError(`column '${column}' holds ${value}, not a whole number`, row.place);
  return value;
}

function inputReader(from: InputSource, file: string): ReadInput {
  if (from.kind === 'example') return (row) => stringTensor([exampleOf(row, from)]);
  if (from.kind === 'feature') return (row) => columnOf(row, from, file);
  throw new UserError(`the recipe takes inputs of kind '${from.kind}', not rows`, { file });
}

const utf8 = new TextEncoder();

function exampleOf(row: Row, { features }: ExampleSource): Uint8Array {
  const all: [string, Tensor][] = [];
  for (const column of features.int64 ?? []) {
    const value = wholeNumberIn(row, column);
    if (value !== undefined) all.push([column, tensorOf('int64', [value])]);
  }
  for (const column of features.float ?? []) {
    const value = numberIn(row, column);
    if (value !== undefined) all.push([column, tensor('float32', [1], Float32Array.of(value))]);
  }
  for (const column of features.bytes ?? []) {
    const text = row.cell(column);
    if (text !== '') all.push([column, stringTensor([utf8.encode(text)])]);
  }
  return encodeExample(all);
}

function columnOf(row: Row, from: FeatureSource, file: string): Tensor {
  const shape = [1, ...(from.shape ?? [])];
  if (sizeOf(shape) !== 1)
    throw new UserError(`column '${from.name}' holds one value, the recipe wants more`, { file });
  if (from.dtype === 'string') return stringTensor([row.cell(from.name)], shape);
  const value = from.dtype === 'float32' ? numberIn(row, from.name) : wholeNumberIn(row, from.name);
  if (value === undefined) throw new UserError(`column '${from.name}' is empty`, row.place);
  return tensorOf(from.dtype, [value], shape);
}
