import type { DType } from '../base/dtype.ts';
import type { PartialShape } from '../base/shape.ts';
import type { Tensor } from '../base/tensor.ts';
import { type AttrInputs, attrs as makeAttrs, shapeAttr, type } from './attr.ts';
import { constNode } from './constant.ts';
import { Graph, type GraphFunction, type Node, type Value, value } from './graph.ts';
import type { OpName } from './ops/index.ts';

/** Adds nodes one after another; names that are taken get `_1`, `_2` … as TensorFlow gives them. */
export type Builder = {
  readonly input: (name: string, dtype: DType, shape: PartialShape) => Value;
  readonly constant: (name: string, tensor: Tensor) => Value;
  readonly node: (op: OpName, name: string, inputs: readonly Value[], attrs?: AttrInputs) => Value;
  readonly graph: () => Graph;
};

export function builder(library: ReadonlyMap<string, GraphFunction> = new Map()): Builder {
  const nodes = new Map<string, Node>();
  const put = (node: Node): Value => {
    const name = freshName(node.name, (taken) => nodes.has(taken));
    nodes.set(name, { ...node, name });
    return value(name);
  };
  return {
    input: (name, dtype, shape) =>
      put({
        name,
        op: 'Placeholder',
        inputs: [],
        controls: [],
        attrs: makeAttrs({ dtype: type(dtype), shape: shapeAttr(shape) }),
      }),
    constant: (name, tensor) => put(constNode(name, tensor)),
    node: (op, name, inputs, attrs = {}) => put({ name, op, inputs, controls: [], attrs: makeAttrs(attrs) }),
    graph: () => new Graph(nodes.values(), library),
  };
}

/** `name`, or the first of `name_1`, `name_2` … that is not taken. */
export function freshName(name: string, taken: (name: string) => boolean): string {
  let fresh = name;
  for (let i = 1; taken(fresh); i++) fresh = `${name}_${i}`;
  return fresh;
}
