import { readAttr } from '../graph/attr.ts';
import { constTensor } from '../graph/constant.ts';
import type { Node } from '../graph/graph.ts';
import { isExcluded, type QuantizeOptions } from './options.ts';

/** The ops that have a quantized form. */
export const quantizableOps = ['Conv2D', 'DepthwiseConv2dNative', 'MatMul'] as const;

/** The int32 sum is exact while 255 · 127 · K < 2^31, less half of that range kept for the bias. */
const maxDepth = Math.floor(2 ** 30 / (255 * 127));

/** What the conditions look at. */
export type EligibilityContext = { readonly node: (name: string) => Node | undefined };

/**
 * Why a convolution or matmul stays in fp32, or undefined where it can be quantized. The reasons are what `inspect` and
 * the report print.
 */
export function whyNot(node: Node, context: EligibilityContext, options: QuantizeOptions): string | undefined {
  if (isExcluded(node, options)) return 'excluded by the options';
  const weights = node.inputs[1] && context.node(node.inputs[1].node);
  const tensor = weights && constTensor(weights);
  if (tensor === undefined) return 'its weights are not constant';
  if (tensor.dtype !== 'float32') return `its weights are ${tensor.dtype}, not float32`;
  return node.op === 'MatMul' ? whyNotMatMul(node, tensor.shape) : whyNotConv(node, tensor.shape);
}

function whyNotConv(node: Node, shape: readonly number[]): string | undefined {
  if (readAttr(node, 'data_format', 'string', 'NHWC') !== 'NHWC')
    return "TensorFlow's quantized convolutions are NHWC only";
  const [kh = 0, kw = 0, c = 0] = shape;
  const depth = kh * kw * (node.op === 'Conv2D' ? c : 1);
  if (depth > maxDepth) return `its sums of ${depth} products could overflow int32`;
  if (node.op === 'DepthwiseConv2dNative' && readAttr(node, 'dilations', 'ints', []).some((d) => d > 1))
    return "TensorFlow's quantized depthwise convolution has no dilations";
  return undefined;
}

function whyNotMatMul(node: Node, shape: readonly number[]): string | undefined {
  if (readAttr(node, 'transpose_a', 'bool', false)) return 'its first operand is transposed';
  const [rows = 0, columns = 0] = shape;
  const depth = readAttr(node, 'transpose_b', 'bool', false) ? columns : rows;
  return depth > maxDepth ? `its sums of ${depth} products could overflow int32` : undefined;
}
