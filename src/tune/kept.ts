import { bytesOf } from '../base/tensor.ts';
import { type Dataset, datasetOf } from '../data/dataset.ts';
import type { Feeds } from '../graph/runner.ts';

/** As much of a data set is kept. */
const most = 2 ** 28;

/** The same data set, which keeps its first samples in memory once they are loaded: decoding a picture may take as long as running it. */
export function keptInMemory(dataset: Dataset, limit = most): Dataset {
  const kept = new Map<number, Feeds>();
  let bytes = 0;
  const keep = (index: number, feeds: Feeds): Feeds => {
    const size = [...feeds.values()].reduce((sum, t) => sum + (t.dtype === 'string' ? limit : bytesOf(t).length), 0);
    if (bytes + size <= limit && !kept.has(index)) {
      bytes += size;
      kept.set(index, feeds);
    }
    return feeds;
  };
  return datasetOf(async function* () {
    let next = 0;
    for await (const item of dataset.items()) {
      const index = next++;
      yield { ...item, load: async () => kept.get(index) ?? keep(index, await item.load()) };
    }
  }, dataset.size);
}
