import { attrs, readAttr, type } from '../graph/attr.ts';
import type { Node } from '../graph/graph.ts';
import type { OpName } from '../graph/ops/index.ts';
import { quantizedConvReference } from '../kernels/quantized-conv/reference.ts';
import { quantizedMatmulReference } from '../kernels/quantized-matmul/reference.ts';
import type { ReferenceKernel } from '../kernels/reference-kernel.ts';
import { requantizeReference } from '../kernels/requantize/reference.ts';

/**
 * A quantized convolution or matrix product whose sums only a Requantize reads, as one op: figure 1b. Its inputs are those of
 * the product, then the last four of the Requantize; its attributes those of the product, the ops' names and `end_type`.
 */
export const requantizedOp = '_OctetRequantized';

/** Ops with sums in qint32 that have an integer kernel, and what may follow them. */
export const sumOps = [
  'QuantizedConv2D',
  'QuantizedConv2DPerChannel',
  'QuantizedConv2DAndRelu',
  'QuantizedConv2DWithBias',
  'QuantizedConv2DWithBiasAndRelu',
  'QuantizedDepthwiseConv2D',
  'QuantizedDepthwiseConv2DWithBias',
  'QuantizedDepthwiseConv2DWithBiasAndRelu',
  'QuantizedMatMulWithBias',
  'QuantizedMatMulWithBiasAndRelu',
] as const satisfies readonly OpName[];
export const requantizeOps = ['Requantize', 'RequantizePerChannel'] as const satisfies readonly OpName[];

/** How many of its inputs are the Requantize's: the range of the sums and that of the codes. */
const own = 4;

/** The two nodes that it stands for. The second reads the first. */
export function partsOf(node: Node): { readonly sums: Node; readonly end: Node } {
  const sums: Node = { ...node, op: readAttr(node, 'sums_op', 'string'), inputs: node.inputs.slice(0, -own) };
  const inputs = [{ node: node.name, port: 0 }, ...node.inputs.slice(-own)];
  const types = { T: type('qint32'), Tinput: type('qint32'), out_type: type(readAttr(node, 'end_type', 'type')) };
  return { sums, end: { ...node, op: readAttr(node, 'end_op', 'string'), inputs, attrs: attrs(types) } };
}

/** The operands of the two nodes, of whatever kind: those of the product, and those of the Requantize but for the sums. */
export const splitOperands = <T>(operands: readonly T[]): readonly [readonly T[], readonly T[]] => [
  operands.slice(0, -own),
  operands.slice(-own),
];

const kernels: ReadonlyMap<string, ReferenceKernel> = new Map<string, ReferenceKernel>(
  Object.entries({ ...quantizedConvReference, ...quantizedMatmulReference, ...requantizeReference }),
);

export const requantizedReference: ReferenceKernel = (inputs, node, resources) => {
  const { sums, end } = partsOf(node);
  const [first, last] = splitOperands(inputs);
  const [codes] = kernels.get(sums.op)!(first, sums, resources);
  return kernels.get(end.op)!([codes!, ...last], end, resources);
};
