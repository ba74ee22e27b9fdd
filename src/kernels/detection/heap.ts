/**
 * Binary heaps with the largest item first, which move items exactly as libstdc++'s push_heap and pop_heap do: where a
 * comparison leaves items equal, the order they come out in is TensorFlow's.
 */
export type Less<T> = (a: T, b: T) => boolean;

export function pushHeap<T>(heap: T[], item: T, less: Less<T>): void {
  heap.push(item);
  rise(heap, heap.length - 1, 0, item, less);
}

/** Takes the largest item off. */
export function popHeap<T>(heap: T[], less: Less<T>): T | undefined {
  const top = heap[0];
  const last = heap.pop();
  if (heap.length > 0) sink(heap, 0, heap.length, last as T, less);
  return top;
}

/** Moves the hole at `start` down along the larger children to a leaf of the first `size` items, then `item` up from there. */
export function sink<T>(heap: T[], start: number, size: number, item: T, less: Less<T>): void {
  let hole = start;
  let child = start;
  while (child < Math.floor((size - 1) / 2)) {
    child = 2 * child + 2;
    if (less(heap[child]!, heap[child - 1]!)) child--;
    heap[hole] = heap[child]!;
    hole = child;
  }
  if (size % 2 === 0 && child === (size - 2) / 2) {
    child = 2 * child + 1;
    heap[hole] = heap[child]!;
    hole = child;
  }
  rise(heap, hole, start, item, less);
}

function rise<T>(heap: T[], from: number, top: number, item: T, less: Less<T>): void {
  let hole = from;
  while (hole > top) {
    const parent = Math.floor((hole - 1) / 2);
    if (!less(heap[parent]!, item)) break;
    heap[hole] = heap[parent]!;
    hole = parent;
  }
  heap[hole] = item;
}
