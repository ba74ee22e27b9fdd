import { attrValue } from '../graph/attr.ts';
import type { Graph, Node } from '../graph/graph.ts';
import { layerAttr, layerKeyAttr } from './int8.ts';

/** A convolution or matmul of a quantized graph. */
export type Layer = {
  readonly node: Node;
  /** The name of the fp32 node that it was. */
  readonly origin: string;
  /** The fp32 value (behind bias and relu) that it gives. */
  readonly key: string;
};

/** The layer that `node` is, if it is one. */
function layerOf(node: Node): Layer | undefined {
  const [origin, key] = [layerAttr, layerKeyAttr].map((name) => {
    const attr = node.attrs.get(name);
    return attr && attrValue(attr, 'string');
  });
  return origin === undefined || key === undefined ? undefined : { node, origin, key };
}

/** All layers of a quantized graph, each behind those it reads. */
export const layersOf = (graph: Graph): readonly Layer[] => graph.order().flatMap((node) => layerOf(node) ?? []);
