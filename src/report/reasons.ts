import type { Node } from '../graph/graph.ts';
import type { TypeInfo } from '../graph/infer.ts';
import { carriedOps, whyPoolStays } from '../quantize/rules/carry.ts';

/** What is known of a node that is neither a convolution nor a matmul, and is computed in fp32. */
export type Fp32Node = { readonly node: Node; readonly types: TypeInfo; readonly isIsland: boolean };

/** Why it is in fp32; undefined for inputs, and for what does not compute with the network's values. */
export function whyFloat({ node, types, isIsland }: Fp32Node): string | undefined {
  if (node.op === 'QuantizeV2' || node.op === 'Dequantize')
    return isIsland ? "it is in the file for TensorFlow; octet's engine stays in int8 here" : undefined;
  const { dtype } = types.of({ node: node.name, port: 0 });
  if (/^Placeholder/.test(node.op) || dtype !== 'float32') return undefined;
  if (isIsland) return "TensorFlow has no int8 op that could stand here; octet's engine computes it in int8";
  if (node.op === 'MaxPool' || node.op === 'AvgPool') {
    const why = whyPoolStays(node, { type: types.of });
    if (why !== undefined) return why;
  }
  return carriedOps.includes(node.op)
    ? 'what it reads is fp32, or nobody reads it in int8'
    : `TensorFlow has no int8 form of ${node.op}`;
}
