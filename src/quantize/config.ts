import { type Place, UserError } from '../base/errors.ts';
import { atLeast, listOf, type ObjectSchema, object, oneOf, parseWith, text, truth } from '../base/schema.ts';
import type { Graph, Node } from '../graph/graph.ts';
import { roundings } from './correct/weights.ts';
import { quantizableOps } from './eligible.ts';
import { equalizations } from './equalize/scales.ts';
import { type Method, methodNames } from './observers/methods.ts';
import { type Corrections, type Effort, effortNames } from './quantize.ts';

/** Which nodes of the optimized graph a rule is about: those of an op, one by name, or those that a pattern finds. */
export type Selector = { readonly op: string } | { readonly node: string } | { readonly pattern: string };

/** What is wanted of some nodes; what is left out stays as the rules before it, or the defaults, have it. */
export type ConfigRule = Selector & {
  readonly dtype?: 'int8' | 'fp32';
  /** How the range of what the node gives is chosen. */
  readonly method?: Method;
  /** Scales of the weights: one an output channel, or one for all. */
  readonly weights?: 'per-channel' | 'per-tensor';
  /** For people: why. */
  readonly reason?: string;
};

/** How a model is to be quantized: plain data, in the JSON file that `--config` takes and `octet tune` writes. */
export type Config = {
  readonly samples?: number;
  readonly method?: Method;
  readonly weights?: 'per-channel' | 'per-tensor';
  readonly effort?: Effort;
  /** Steps that are to be other than those of the effort. */
  readonly corrections?: Partial<Corrections>;
  /** Later rules win. */
  readonly rules?: readonly ConfigRule[];
};

const weights = oneOf('per-channel', 'per-tensor');
const method = oneOf(...methodNames);
const corrections = object(
  {
    equalization: oneOf(...equalizations),
    absorption: truth,
    weights: truth,
    biasSamples: atLeast(0),
    rounding: oneOf(...roundings),
    floatSums: truth,
    spared: atLeast(0),
  } satisfies Record<keyof Corrections, unknown>,
  [],
);
const wanted = { dtype: oneOf('int8', 'fp32'), method, weights, reason: text };

/** The JSON schema of a configuration; also what octet checks configurations with. */
const configSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'octet configuration',
  ...object(
    {
      $schema: text,
      samples: atLeast(1),
      method,
      weights,
      effort: oneOf(...effortNames),
      corrections,
      rules: listOf(object({ op: text, node: text, pattern: text, ...wanted }, []), 0),
    },
    [],
  ),
} satisfies ObjectSchema & { $schema: string; title: string };

/**
 * The configuration in a JSON text. Throws `UserError` naming the place in it, what was found and what may stand there:
 * unknown keys are refused, since a misspelt one would otherwise do nothing.
 */
export function parseConfig(json: string, place: Place = {}): Config {
  const config = parseWith(configSchema, json, 'configuration', place) as Config;
  for (const [i, rule] of (config.rules ?? []).entries()) {
    const problem = problemOfRule(rule);
    if (problem !== undefined)
      throw new UserError(`configuration.rules[${i}] ${problem}`, place, 'correct the configuration');
  }
  return config;
}

export const formatConfig = (config: Config): string => `${JSON.stringify(config, undefined, 2)}\n`;

function problemOfRule(rule: ConfigRule): string | undefined {
  const selectors = ['op', 'node', 'pattern'].filter((key) => Object.hasOwn(rule, key));
  if (selectors.length !== 1)
    return `has ${selectors.length === 0 ? 'none' : selectors.join(' and ')} of op, node, pattern: one says what it is about`;
  if (rule.dtype === undefined && rule.method === undefined && rule.weights === undefined)
    return 'says nothing: give dtype, method or weights';
  if ('op' in rule && rule.weights !== undefined && !isQuantizable(rule.op))
    return `wants ${rule.weights} weights of ${rule.op}, which has none; ops with weights are ${quantizableOps.join(', ')}`;
  if (!('pattern' in rule)) return undefined;
  try {
    new RegExp(rule.pattern);
    return undefined;
  } catch {
    return `has the pattern '${rule.pattern}', which is not a regular expression`;
  }
}

const isQuantizable = (op: string): boolean => (quantizableOps as readonly string[]).includes(op);

/** What a configuration says of the nodes of one graph, as `QuantizeOptions` take it. */
export type Resolved = {
  /** The nodes that are to stay in fp32. */
  readonly excludeNodes: readonly string[];
  /** Nodes whose weights have another granularity than the others. */
  readonly weights: ReadonlyMap<string, 'per-channel' | 'per-tensor'>;
  /** Nodes for whose values another method is wanted. */
  readonly methods: ReadonlyMap<string, Method>;
};

/**
 * Finds the nodes that the rules are about. Throws `UserError` naming the first rule that finds none in a graph: most often
 * a misspelt name.
 */
export function resolveConfig({ rules = [] }: Config, graph: Graph, place: Place = {}): Resolved {
  const fp32 = new Set<string>();
  const granularity = new Map<string, 'per-channel' | 'per-tensor'>();
  const methods = new Map<string, Method>();
  for (const [i, rule] of rules.entries()) {
    const matches = matcher(rule);
    const found = [...graph.nodes.values()].filter(matches);
    if (found.length === 0)
      throw new UserError(
        `configuration.rules[${i}] finds no node: ${describe(rule)}`,
        place,
        'octet inspect lists the ops, octet report shows the names',
      );
    for (const { name } of found) {
      if (rule.dtype === 'fp32') fp32.add(name);
      if (rule.dtype === 'int8') fp32.delete(name);
      if (rule.weights !== undefined) granularity.set(name, rule.weights);
      if (rule.method !== undefined) methods.set(name, rule.method);
    }
  }
  return { excludeNodes: [...fp32], weights: granularity, methods };
}

function matcher(rule: ConfigRule): (node: Node) => boolean {
  if ('op' in rule) return (node) => node.op === rule.op;
  if ('node' in rule) return (node) => node.name === rule.node;
  const pattern = new RegExp(rule.pattern);
  return (node) => node.op !== 'Const' && pattern.test(node.name);
}

const describe = (rule: ConfigRule): string =>
  'op' in rule ? `op '${rule.op}'` : 'node' in rule ? `node '${rule.node}'` : `pattern '${rule.pattern}'`;
