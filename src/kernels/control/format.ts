import { type Tensor, textAt } from '../../base/tensor.ts';

/** A tensor as TensorFlow prints it: `[[1 2]...]`, at most `summarize` elements at each end of an axis (-1: all). */
export function formatTensor(t: Tensor, summarize: number): string {
  const item = (i: number): string => (t.dtype === 'string' ? `"${textAt(t, i)}"` : formatItem(t, i));
  const walk = (axis: number, start: number, step: number): string => {
    if (axis === t.shape.length) return item(start);
    const size = t.shape[axis]!;
    const inner = step / size;
    const shown = (i: number) => walk(axis + 1, start + i * inner, inner);
    const all = Array.from({ length: size }, (_, i) => i);
    const separator = axis === t.shape.length - 1 ? ' ' : `\n${' '.repeat(axis + 1)}`;
    if (summarize < 0 || size <= 2 * summarize) return `[${all.map(shown).join(separator)}]`;
    const head = all.slice(0, summarize).map(shown);
    const tail = all.slice(size - summarize).map(shown);
    return `[${[...head, '...', ...tail].join(separator)}]`;
  };
  return walk(0, 0, t.data.length);
}

const formatItem = (t: Tensor, i: number): string =>
  t.dtype === 'bool' ? (t.data[i] ? '1' : '0') : t.data[i] === undefined ? '' : String(t.data[i]);
