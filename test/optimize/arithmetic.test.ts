import { describe, expect, it } from 'vitest';
import { scalar, type Tensor, tensorOf } from '../../src/base/tensor.ts';
import { type Builder, builder } from '../../src/graph/builder.ts';
import type { OpName } from '../../src/graph/ops/index.ts';
import { optimized, T, vec } from './support.ts';

const f = (x: number) => scalar('float32', x);

/** What becomes of `op(x, c)`, or of `op(c, x)`. */
function binary(op: OpName, c: Tensor, { first = false, shape = [null, 2] as (number | null)[] } = {}) {
  const b = builder();
  const x = b.input('x', 'float32', shape);
  const k = b.constant('c', c);
  b.node('Tanh', 'y', [b.node(op, 'n', first ? [k, x] : [x, k], T)], T);
  return optimized(b.graph(), ['y'], ['arithmetic'])
    .text.split('\n')
    .slice(1, -1)
    .filter((line) => !line.startsWith('c = '));
}

describe('arithmetic', () => {
  it.each([
    ['Mul', f(1), false],
    ['Mul', vec(1, 1), true],
    ['RealDiv', f(1), false],
    ['AddV2', vec(0, 0), true],
    ['Sub', f(0), false],
  ] as const)('drops a neutral %s', (op, c, first) => {
    expect(binary(op, c, { first })).toEqual(['y = Tanh(x)']);
  });

  it.each([
    ['Mul', f(2), false, [null, 2]],
    ['Sub', f(0), true, [null, 2]],
    ['RealDiv', f(1), true, [null, 2]],
    // These ones widen x.
    ['Mul', vec(1, 1), false, [null, 1]],
    ['AddV2', tensorOf('float32', [0], [1, 1, 1]), false, [null, 2]],
  ] as const)('leaves %s', (op, c, first, shape) => {
    expect(binary(op, c, { first, shape: [...shape] })[0]).toContain(`n = ${op}(`);
  });

  const chain = (build: (b: Builder, x: { node: string; port: number }) => { node: string; port: number }) => {
    const b = builder();
    b.node('Tanh', 'y', [build(b, b.input('x', 'float32', [2]))], T);
    return optimized(b.graph(), ['y'], ['arithmetic']).text;
  };

  it('makes one relu of two', () => {
    expect(chain((b, x) => b.node('Relu', 'r', [b.node('Relu', 'q', [x], T)], T))).toContain('r = Relu(x)');
    expect(chain((b, x) => b.node('Relu6', 'r', [b.node('Relu', 'q', [x], T)], T))).toContain('r = Relu6(x)');
    expect(chain((b, x) => b.node('Relu', 'r', [b.node('Relu6', 'q', [x], T)], T))).toContain('r = Relu6(x)');
  });

  it('knows relus by their parts', () => {
    expect(chain((b, x) => b.node('Maximum', 'r', [b.constant('c', f(0)), x], T))).toContain('r = Relu(x)');
    expect(chain((b, x) => b.node('Minimum', 'r', [b.node('Relu', 'q', [x], T), b.constant('c', f(6))], T))).toContain(
      'r = Relu6(x)',
    );
    expect(chain((b, x) => b.node('Relu', 'r', [b.node('Minimum', 'q', [x, b.constant('c', f(6))], T)], T))).toContain(
      'r = Relu6(x)',
    );
  });

  it('leaves a bound that is not 6, and a relu that others read', () => {
    expect(chain((b, x) => b.node('Minimum', 'r', [b.node('Relu', 'q', [x], T), b.constant('c', f(5))], T))).toContain(
      'r = Minimum(q, c)',
    );
    const shared = chain((b, x) => {
      const q = b.node('Relu', 'q', [x], T);
      return b.node('AddV2', 's', [q, b.node('Relu6', 'r', [q], T)], T);
    });
    expect(shared).toContain('r = Relu6(q)');
  });
});
