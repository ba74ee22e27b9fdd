import { isBigInt } from '../../base/dtype.ts';
import { sizeOf, stridesOf } from '../../base/shape.ts';
import { type Tensor, tensorOf, zeros } from '../../base/tensor.ts';
import { readAttr } from '../../graph/attr.ts';
import type { OpName } from '../../graph/ops/index.ts';
import { axisOf } from '../array/common.ts';
import { bigIntData, numberData, throughFloat32 } from '../math/numeric.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';
import { axesLast } from './reduce.ts';

type Scan = {
  readonly initial: number;
  readonly number: (acc: number, x: number) => number;
  readonly int?: (acc: number, x: number) => number;
  readonly bigint?: (acc: bigint, x: bigint) => bigint;
};

const logAddExp = (a: number, b: number): number => {
  const [high, low] = a > b ? [a, b] : [b, a];
  return high === -Infinity ? high : high + Math.log1p(Math.exp(low - high));
};

const scans = {
  Cumprod: { initial: 1, number: (acc, x) => acc * x, int: Math.imul, bigint: (acc, x) => acc * x },
  Cumsum: { initial: 0, number: (acc, x) => acc + x, int: (acc, x) => (acc + x) | 0, bigint: (acc, x) => acc + x },
  CumulativeLogsumexp: { initial: -Infinity, number: logAddExp },
} satisfies Partial<Record<OpName, Scan>>;

/** Running results along one axis; `exclusive` leaves the element itself out, `reverse` runs from the end. */
const scanKernel = (scan: Scan): ReferenceKernel =>
  throughFloat32(([x, dim], node) => {
    const axis = axisOf(dim!, x!.shape.length);
    const [exclusive, reverse] = [readAttr(node, 'exclusive', 'bool', false), readAttr(node, 'reverse', 'bool', false)];
    const [size, step] = [x!.shape[axis]!, stridesOf(x!.shape)[axis]!];
    const out = zeros(x!.dtype, x!.shape) as Tensor;
    const run = <T>(from: { [i: number]: T }, to: { [i: number]: T }, initial: T, f: (acc: T, x: T) => T) => {
      for (let line = 0; size > 0 && line < sizeOf(x!.shape) / size; line++) {
        const start = Math.floor(line / step) * step * size + (line % step);
        let acc = initial;
        for (let n = 0; n < size; n++) {
          const i = start + (reverse ? size - 1 - n : n) * step;
          const next = f(acc, from[i]!);
          to[i] = exclusive ? acc : next;
          acc = next;
        }
      }
    };
    if (isBigInt(x!.dtype)) run(bigIntData(x!), bigIntData(out), BigInt(scan.initial), scan.bigint!);
    else {
      const integer = !x!.dtype.startsWith('float');
      run(numberData(x!), numberData(out), scan.initial, (integer ? scan.int : undefined) ?? scan.number);
    }
    return [out];
  });

/** The position of the first extreme along an axis; NaN is chosen only where there is nothing else. */
const arg = (better: (x: number | bigint, best: number | bigint) => boolean): ReferenceKernel =>
  throughFloat32(([input, dim], node) => {
    const axis = axisOf(dim!, input!.shape.length);
    const { t, outer, inner } = axesLast(input!, [axis]);
    const data = t.data as ArrayLike<number | bigint>;
    const found = Array.from({ length: sizeOf(outer) }, (_, row) => {
      let best = 0;
      for (let i = 1; i < inner; i++) {
        const [x, y] = [data[row * inner + i]!, data[row * inner + best]!];
        if (better(x, y) || (Number.isNaN(y) && !Number.isNaN(x))) best = i;
      }
      return best;
    });
    return [tensorOf(readAttr(node, 'output_type', 'type', 'int64') as 'int64', found, outer)];
  });

export const scanKernels = {
  ArgMax: arg((x, best) => x > best),
  ArgMin: arg((x, best) => x < best),
  Cumprod: scanKernel(scans.Cumprod),
  Cumsum: scanKernel(scans.Cumsum),
  CumulativeLogsumexp: scanKernel(scans.CumulativeLogsumexp),
} satisfies Partial<Record<OpName, ReferenceKernel>>;
