import { describe, expect, it } from 'vitest';
import { formatConfig, parseConfig, resolveConfig } from '../../src/quantize/config.ts';
import { smallModel } from '../support/small-models.ts';

const { graph } = smallModel([null, 8, 8, 4], (l) => {
  const first = l.unary('Relu', 'first', l.conv('first/conv', l.input, [4, 8]));
  return l.matmul('head', l.mean('features', l.conv('second/conv', first, [8, 8])), [8, 3]);
});

describe('a configuration', () => {
  it('comes back from its text', () => {
    const config = {
      samples: 50,
      method: 'mse',
      weights: 'per-channel',
      effort: 'high',
      corrections: { equalization: 'none', absorption: true, weights: false, biasSamples: 0, rounding: 'asymmetric' },
      rules: [{ node: 'head', dtype: 'fp32', reason: 'lost 3 dB' }],
    } as const;
    expect(parseConfig(formatConfig(config))).toEqual(config);
  });

  const wrong: readonly (readonly [what: string, json: string, message: string])[] = [
    ['text that is not JSON', '{', 'quantize.json: is not JSON'],
    ['an unknown key', '{"sample": 3}', "configuration has no 'sample'; there are $schema, samples, method"],
    ['an unknown method', '{"method": "best"}', "configuration.method is 'best', not one of minmax"],
    ['an unknown key of a rule', '{"rules": [{"op": "MatMul", "type": "fp32"}]}', "rules[0] has no 'type'"],
    ['an unknown dtype', '{"rules": [{"op": "MatMul", "dtype": "int4"}]}', "dtype is 'int4', not one of int8, fp32"],
    ['a rule about nothing', '{"rules": [{"dtype": "fp32"}]}', 'rules[0] has none of op, node, pattern'],
    ['a rule about two things', '{"rules": [{"op": "A", "node": "b", "dtype": "fp32"}]}', 'has op and node of'],
    ['a rule that says nothing', '{"rules": [{"op": "MatMul"}]}', 'rules[0] says nothing'],
    ['a broken pattern', '{"rules": [{"pattern": "(", "dtype": "fp32"}]}', 'not a regular expression'],
    ['weights of an op without', '{"rules": [{"op": "Relu", "weights": "per-tensor"}]}', 'Relu, which has none'],
    ['an unknown effort', '{"effort": "most"}', "configuration.effort is 'most', not one of low"],
    ['an unknown correction', '{"corrections": {"bias": 3}}', "corrections has no 'bias'; there are equalization"],
    ['a correction of another type', '{"corrections": {"absorption": 1}}', 'absorption is 1, not true or false'],
    ['no samples', '{"samples": 0}', 'configuration.samples is 0, less than 1'],
  ];
  for (const [what, json, message] of wrong)
    it(`refuses ${what}`, () => expect(() => parseConfig(json, { file: 'quantize.json' })).toThrow(message));

  it('is resolved by op, node and pattern; later rules win', () => {
    const resolved = resolveConfig(
      {
        rules: [
          { op: 'Conv2D', dtype: 'fp32' },
          { node: 'second/conv', dtype: 'int8', weights: 'per-tensor' },
          { pattern: '^head$', dtype: 'fp32', method: 'minmax' },
        ],
      },
      graph,
    );
    expect(resolved.excludeNodes).toEqual(['first/conv', 'head']);
    expect([...resolved.weights]).toEqual([['second/conv', 'per-tensor']]);
    expect([...resolved.methods]).toEqual([['head', 'minmax']]);
  });

  it('names the rule that finds nothing', () => {
    const config = {
      rules: [
        { op: 'Conv2D', dtype: 'int8' },
        { node: 'haed', dtype: 'fp32' },
      ],
    } as const;
    expect(() => resolveConfig(config, graph)).toThrow("configuration.rules[1] finds no node: node 'haed'");
  });
});
