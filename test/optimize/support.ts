import type { DType } from '../../src/base/dtype.ts';
import { type Tensor, tensorOf } from '../../src/base/tensor.ts';
import { type AttrInputs, ints, type } from '../../src/graph/attr.ts';
import type { Builder } from '../../src/graph/builder.ts';
import { type Graph, type Value, value } from '../../src/graph/graph.ts';
import type { Model } from '../../src/graph/model.ts';
import { printGraph } from '../../src/graph/print.ts';
import { findDefects } from '../../src/graph/verify.ts';
import { reference } from '../../src/kernels/reference.ts';
import { type Evaluate, optimize } from '../../src/optimize/index.ts';
import { openReference } from '../../src/runtime/reference/open.ts';

export const T = { T: type('float32') };

/** What the composition at the top gives `optimize`: the reference kernels. */
export const evaluate: Evaluate = (node, inputs) => {
  const kernel = Object.hasOwn(reference, node.op) ? reference[node.op as keyof typeof reference] : undefined;
  if (typeof kernel !== 'function') return undefined;
  return kernel(inputs, node, { session: new Map(), run: new Map(), assets: new Map() });
};

/** A model around a graph whose inputs are its placeholders and whose outputs are named. */
export function modelOf(graph: Graph, outputs: readonly string[], dtype: DType = 'float32'): Model {
  const placeholders = [...graph.nodes.values()].filter((node) => node.op === 'Placeholder');
  return {
    graph,
    inputs: placeholders.map((node) => {
      const [shape, T] = [node.attrs.get('shape'), node.attrs.get('dtype')];
      return {
        key: node.name,
        value: value(node.name),
        dtype: T !== undefined && 'type' in T ? T.type : 'float32',
        shape: shape !== undefined && 'shape' in shape ? shape.shape : null,
      };
    }),
    outputs: outputs.map((name) => ({ key: name, value: value(name), dtype, shape: null })),
    initializers: [],
    assets: new Map(),
  };
}

/** The graph after `passes`, as text, and the rules that were applied. A graph TensorFlow would not import fails. */
export function optimized(graph: Graph, outputs: readonly string[], passes: readonly string[]) {
  const rules: string[] = [];
  const after = optimize(modelOf(graph, outputs), { passes, evaluate, trace: (entry) => rules.push(entry.rule) });
  const defects = findDefects(after.graph);
  if (defects.length > 0) throw new Error(JSON.stringify(defects));
  return { text: printGraph(after.graph), rules: [...new Set(rules)], model: after };
}

/** What a model computes, in plain TypeScript. */
export async function run(model: Model, feeds: ReadonlyMap<string, Tensor>): Promise<readonly Tensor[]> {
  const runner = await openReference(
    model,
    model.outputs.map((output) => output.value),
  );
  try {
    return runner.runSync(feeds);
  } finally {
    runner.dispose();
  }
}

/** Constant weights 1, 2, 3 … times `step` of a shape. */
export const counting = (shape: readonly number[], step = 1): Tensor => {
  const size = shape.reduce((a, b) => a * b, 1);
  return tensorOf(
    'float32',
    Array.from({ length: size }, (_, i) => (i + 1) * step),
    shape,
  );
};

export const vec = (...values: number[]): Tensor => tensorOf('float32', values);

/** A convolution 1×1 (or as `attrs` says) of `x` with weights that count. */
export function conv(b: Builder, x: Value, name: string, weights: Tensor, attrs: AttrInputs = {}): Value {
  return b.node('Conv2D', name, [x, b.constant(`${name}/w`, weights)], {
    ...T,
    strides: ints([1, 1, 1, 1]),
    padding: 'VALID',
    ...attrs,
  });
}
