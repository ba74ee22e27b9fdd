import { sink } from './heap.ts';

/** At most this many elements are left to the final insertion sort. */
const threshold = 16;

/**
 * Sorts in place in exactly the order of libstdc++'s std::sort (introsort, not stable): TensorFlow's
 * CombinedNonMaxSuppression orders equal scores by it, and quantized models have many of those.
 */
export function introsort<T>(items: T[], before: (a: T, b: T) => boolean): void {
  const depth = 2 * Math.floor(Math.log2(Math.max(1, items.length)));
  partitions(items, 0, items.length, depth, before);
  for (let i = 1; i < items.length; i++) {
    const item = items[i]!;
    // The first 16 may pass the front; it is shifted past all of them at once, which is the same.
    let at = i;
    while (at > 0 && before(item, items[at - 1]!)) items[at] = items[--at]!;
    items[at] = item;
  }
}

function partitions<T>(items: T[], first: number, end: number, depth: number, before: (a: T, b: T) => boolean): void {
  let last = end;
  let left = depth;
  while (last - first > threshold) {
    if (left-- === 0) {
      heapsort(items, first, last, before);
      return;
    }
    const cut = partition(items, first, last, before);
    partitions(items, cut, last, left, before);
    last = cut;
  }
}

function swap<T>(items: T[], i: number, j: number): void {
  const item = items[i]!;
  items[i] = items[j]!;
  items[j] = item;
}

/** Puts the median of the second, middle and last item first, and what comes before it to the left. */
function partition<T>(items: T[], first: number, last: number, before: (a: T, b: T) => boolean): number {
  const less = (i: number, j: number) => before(items[i]!, items[j]!);
  const [a, b, c] = [first + 1, first + Math.floor((last - first) / 2), last - 1];
  const median = less(a, b) ? (less(b, c) ? b : less(a, c) ? c : a) : less(a, c) ? a : less(b, c) ? c : b;
  swap(items, first, median);
  let [low, high] = [first + 1, last];
  while (true) {
    while (less(low, first)) low++;
    high--;
    while (less(first, high)) high--;
    if (low >= high) return low;
    swap(items, low++, high);
  }
}

/** Where the partitions degenerate. */
function heapsort<T>(items: T[], first: number, last: number, before: (a: T, b: T) => boolean): void {
  const heap = items.slice(first, last);
  for (let parent = Math.floor((heap.length - 2) / 2); parent >= 0; parent--)
    sink(heap, parent, heap.length, heap[parent]!, before);
  for (let end = heap.length - 1; end > 0; end--) {
    const item = heap[end]!;
    heap[end] = heap[0]!;
    sink(heap, 0, end, item, before);
  }
  heap.forEach((item, i) => {
    items[first + i] = item;
  });
}
