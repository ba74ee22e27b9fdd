import type { OpName } from '../../graph/ops/index.ts';
import { inputAt, tensorOfNumbers } from '../numbers.ts';
import { averagePool, maxPool } from '../pool/pool.ts';
import { pooled } from '../pool/reference.ts';
import { limitsOf } from '../quantize/codes.ts';
import { codesOf } from '../quantized-conv/finish.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';
import { rne } from '../requantize/contract.ts';

/** Pooling of codes; the range is passed through. */
export const quantizedPoolReference = {
  QuantizedMaxPool: (inputs, node) => {
    const { input, g, shape } = pooled(inputAt(inputs, 0), node);
    const codes = maxPool(g, codesOf(input), limitsOf(input.dtype).low);
    return [tensorOfNumbers(input.dtype, shape, codes), inputAt(inputs, 1), inputAt(inputs, 2)];
  },
  /** The mean of the pixels inside of the picture, rounded half to even. */
  QuantizedAvgPool: (inputs, node) => {
    const { input, g, shape } = pooled(inputAt(inputs, 0), node);
    const mean = (sum: number, count: number) => rne(Math.fround(sum / count));
    const codes = averagePool(g, codesOf(input), mean);
    return [tensorOfNumbers(input.dtype, shape, codes), inputAt(inputs, 1), inputAt(inputs, 2)];
  },
} satisfies Partial<Record<OpName, ReferenceKernel>>;
