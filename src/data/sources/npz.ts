import { UserError } from '../../base/errors.ts';
import { readBytes } from '../../base/files.ts';
import { numbersOf, type Tensor } from '../../base/tensor.ts';
import { readNpz } from '../../formats/npz.ts';
import { rowOf } from '../batch.ts';
import { type Dataset, datasetOf, type Item } from '../dataset.ts';

const labelNames = ['labels', 'label'];

/**
 * The rows of a `.npz` file's arrays, which are named after the model's inputs and have samples along their first axis;
 * an array of rank 0 goes with every sample. `labels` holds the labels unless `inputs` has that name too. The file is
 * held in memory. Throws `UserError` when the arrays differ in length.
 */
export async function npzDataset(file: string, inputs: readonly string[] = []): Promise<Dataset> {
  const arrays = readNpz(await readBytes(file), { file });
  const labelName = labelNames.find((name) => arrays.has(name) && !inputs.includes(name));
  const labels = labelName === undefined ? undefined : numbersOf(arrays.get(labelName)!);
  if (labelName !== undefined) arrays.delete(labelName);
  const counts = new Set([...arrays.values()].flatMap((array) => array.shape.slice(0, 1)));
  if (arrays.size === 0 || counts.size > 1) {
    const what = arrays.size === 0 ? 'holds no arrays' : `holds arrays of ${[...counts].join(' and ')} samples`;
    throw new UserError(what, { file }, "give an array for each of the model's inputs");
  }
  const [size = 1] = counts;
  if (size === 0) throw new UserError('holds no samples', { file });
  if (labels !== undefined && labels.length !== size)
    throw new UserError(`holds ${labels.length} labels for ${size} samples`, { file });
  const feeds = (index: number): ReadonlyMap<string, Tensor> =>
    new Map(Array.from(arrays, ([name, array]) => [name, array.shape.length === 0 ? array : rowOf(array, index)]));
  const item = (index: number): Item => ({
    name: `${file} sample ${index}`,
    ...(labels === undefined ? {} : { label: labels[index]! }),
    load: async () => feeds(index),
  });
  return datasetOf(async function* () {
    for (let index = 0; index < size; index++) yield item(index);
  }, size);
}
