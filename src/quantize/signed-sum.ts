import { attrValue, readAttr } from '../graph/attr.ts';
import type { Graph, Node } from '../graph/graph.ts';

/**
 * How much wider the range of a residual sum must be than what it holds: 255 / 127 where both summands are signed, else 1.
 *
 * Stock TensorFlow's QuantizedConv2DWithBiasSignedSumAndReluAndRequantize computes its quint8 result as if it were qint8:
 * it saturates at code 127. With a range so much wider, code 127 stands for the largest value, and nothing is lost but the
 * eighth bit. It is the price of one int8 region from end to end; a projection shortcut has it, an identity does not.
 */
export function signedSumFactor(graph: Graph, quantize: Node): number {
  if (quantize.op !== 'QuantizeV2') return 1;
  const relu = graph.node(quantize.inputs[0]!.node);
  const sum = graph.node(relu.inputs[0]?.node ?? relu.name);
  if (!['Relu', 'Relu6'].includes(relu.op) || !['AddV2', 'Add'].includes(sum.op)) return 1;
  const summands = sum.inputs.map((input) => graph.node(input.node));
  const areSigned = summands.every((node) => node.op === 'Dequantize' && readAttr(node, 'T', 'type') === 'qint8');
  return areSigned && summands.some((node) => isFusable(graph, node)) ? 255 / 127 : 1;
}

/** Whether the Dequantize gives a convolution that can take the sum into its epilogue. */
function isFusable(graph: Graph, dequantize: Node): boolean {
  const requantize = graph.node(dequantize.inputs[0]!.node);
  const conv = graph.nodes.get(requantize.inputs[0]?.node ?? '');
  const Tinput = conv?.attrs.get('Tinput');
  return conv?.op === 'QuantizedConv2DWithBias' && Tinput !== undefined && attrValue(Tinput, 'type') === 'quint8';
}
