import { type } from '../graph/attr.ts';
import type { Node } from '../graph/graph.ts';
import { type Constant, constant, op } from '../graph/pattern.ts';
import { type Rule, rule } from '../graph/rewrite.ts';
import { opAttr } from '../graph/signature.ts';
import { requantizedOp, requantizeOps, sumOps } from './internal-requantized.ts';
import { internal } from './island.ts';

type Bound = {
  readonly sums: Node;
  readonly end: Node;
  readonly low: Constant;
  readonly high: Constant;
  readonly min: Constant;
  readonly max: Constant;
};

/**
 * Requantize[PerChannel](Quantized{Conv2D,DepthwiseConv2D,MatMul}…(x))  ⇒  _OctetRequantized(x): figure 1b as one op. Exact. Needs
 * constant ranges and sums that nobody else reads.
 */
export const requantizedRule: Rule = rule(
  'island-requantized',
  op(
    requantizeOps,
    op(sumOps).as('sums').shared(),
    constant('low'),
    constant('high'),
    constant('min'),
    constant('max'),
  ).as('end'),
  ({ sums, low, high, min, max, end }: Bound, context) => {
    const inputType = opAttr(end, end.op === 'Requantize' ? 'Tinput' : 'T', 'type');
    if (inputType !== 'qint32' || context.uses({ node: sums.name, port: 0 }).length > 1) return undefined;
    const attrs = {
      ...Object.fromEntries(sums.attrs),
      sums_op: sums.op,
      end_op: end.op,
      end_type: type(opAttr(end, 'out_type', 'type')),
    };
    const inputs = [...sums.inputs, low.value, high.value, min.value, max.value];
    const { node } = context.add(internal(requantizedOp), 'requantized', inputs, attrs);
    return [0, 1, 2].map((port) => ({ node, port }));
  },
);
