import { describe, expect, it } from 'vitest';
import { rewriteIslands } from '../../src/compile/islands.ts';
import { float, type } from '../../src/graph/attr.ts';
import type { Value } from '../../src/graph/graph.ts';
import { referenceKernel } from '../../src/runtime/native/open.ts';
import { type Codes, type Net, net } from './graphs.ts';

const T = { T: type('float32') };

/** The ops that are left of a network whose output is `build`'s, without constants and inputs. */
function opsOf(build: (n: Net, x: Codes) => Codes, kept: (n: Net) => readonly Value[] = () => []): string[] {
  const n = net(1);
  const x = n.input('x', [1, 4, 4, 8]);
  const y = build(n, x);
  const keep = new Set([x.codes.node, y.codes.node, ...kept(n).map((v) => v.node)]);
  const graph = rewriteIslands(n.b.graph(), { keep, reference: referenceKernel });
  return graph
    .order()
    .map((node) => node.op)
    .filter((op) => op !== 'Const' && op !== 'Placeholder');
}

const sum = (n: Net, a: Codes, b: Codes): Value => n.b.node('AddV2', 'sum', [n.dequantize(a), n.dequantize(b)], T);
const plain = { out: 8, relu: false } as const;
const conv = 'QuantizedConv2DWithBiasAndRequantize';
const relued = 'QuantizedConv2DWithBiasAndReluAndRequantize';

describe('islands', () => {
  it('fold a residual add into the convolution that nobody else reads', () => {
    expect(opsOf((n, x) => n.quantize(sum(n, n.conv(x, plain), x), x.shape))).toEqual(['_OctetConv2DSum']);
    expect(opsOf((n, x) => n.quantize(sum(n, x, n.conv(x, plain)), x.shape))).toEqual(['_OctetConv2DSum']);
    const relu = (n: Net, v: Value) => n.b.node('Relu', 'relu', [v], T);
    expect(opsOf((n, x) => n.quantize(relu(n, sum(n, n.conv(x, plain), x)), x.shape, 'quint8'))).toEqual([
      '_OctetConv2DSum',
    ]);
  });

  it('fold into the other convolution where one has more readers', () => {
    const build = (n: Net, x: Codes): Codes => {
      const [a, b] = [n.conv(x, plain), n.conv(x, plain)];
      const y = n.quantize(sum(n, a, b), x.shape);
      return n.concat([y, a]);
    };
    expect(opsOf(build)).toEqual([conv, '_OctetConv2DSum', 'QuantizedConcatV2']);
  });

  it('add codes where no convolution can take the sum', () => {
    const build = (n: Net, x: Codes): Codes => n.quantize(sum(n, n.conv(x, { out: 8 }), x), x.shape);
    expect(opsOf(build)).toEqual([relued, '_OctetAdd']);
    const relu6 = (n: Net, x: Codes) => n.quantize(n.b.node('Relu6', 'relu', [sum(n, x, x)], T), x.shape, 'quint8');
    // Its range is random, and above 6 cutting off is not saturating: only then the add stays in fp32.
    expect(['_OctetAdd', 'Dequantize']).toContain(opsOf(relu6)[0]);
  });

  it('make tables of activations', () => {
    const leaky = (n: Net, x: Codes) => n.b.node('LeakyRelu', 'leaky', [n.dequantize(x)], { ...T, alpha: float(0.1) });
    expect(opsOf((n, x) => n.quantize(leaky(n, x), x.shape))).toEqual(['_OctetTable']);
    expect(opsOf((n, x) => n.quantize(n.dequantize(x), x.shape))).toEqual(['_OctetTable']);
  });

  it('leave what is not theirs', () => {
    // Broadcasting, a value that is fetched, ranges that differ from run to run, an op that is not elementwise.
    const other = (n: Net, x: Codes) => n.conv(x, { ...plain, kernel: [4, 4], padding: 'VALID' });
    expect(opsOf((n, x) => n.quantize(sum(n, other(n, x), x), x.shape)).at(-1)).toBe('QuantizeV2');
    const softmax = (n: Net, x: Codes) => n.b.node('Softmax', 'softmax', [n.dequantize(x)], T);
    expect(opsOf((n, x) => n.quantize(softmax(n, x), x.shape)).at(-1)).toBe('QuantizeV2');
    let total: Value | undefined;
    const fetched = (n: Net, x: Codes) => {
      total = sum(n, n.conv(x, plain), x);
      return n.quantize(total, x.shape);
    };
    expect(opsOf(fetched, () => [total!])).toEqual([conv, 'Dequantize', 'Dequantize', 'AddV2', '_OctetAdd']);
    const dynamic = (n: Net, x: Codes) => {
      const y = n.conv(x, plain);
      const min = n.b.node('Neg', 'low', [n.b.input('limit', 'float32', [])], T);
      return n.quantize(n.dequantize({ ...y, min }), y.shape);
    };
    expect(opsOf(dynamic).at(-1)).toBe('QuantizeV2');
  });
});
