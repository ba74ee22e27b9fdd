import { UserError } from '../../base/errors.ts';
import type { Tensor } from '../../base/tensor.ts';
import type { Node } from '../../graph/graph.ts';
import { argRanges, opAttr } from '../../graph/signature.ts';

/** The parts of a quantized convolution, whichever of TensorFlow's forms it is written in. */
export type ConvParts = {
  readonly input: Tensor;
  readonly filter: Tensor;
  readonly inputRange: readonly [Tensor, Tensor];
  readonly filterRange: readonly [Tensor, Tensor];
  readonly bias?: Tensor;
  readonly relu: boolean;
  readonly summand?: { readonly tensor: Tensor; readonly range?: readonly [Tensor, Tensor] };
  /** The range of 8-bit outputs; absent where the outputs are sums in qint32 or real numbers. */
  readonly outputRange?: readonly [Tensor, Tensor];
  readonly dequantize: boolean;
};

/** The parts of figure 1's forms, whose inputs have names of their own. */
export function namedParts(inputs: readonly Tensor[], node: Node): ConvParts {
  const ranges = argRanges(node, 'inputs');
  const find = (name: string): Tensor | undefined => {
    const range = ranges.get(name);
    return range === undefined ? undefined : inputs[range.start];
  };
  const need = (name: string): Tensor => {
    const found = find(name);
    if (found === undefined) throw new UserError(`input '${name}' is missing`);
    return found;
  };
  const [bias, summand] = [find('bias'), find('summand')];
  return {
    input: need('input'),
    filter: need('filter'),
    inputRange: [need('min_input'), need('max_input')],
    filterRange: [need('min_filter'), need('max_filter')],
    relu: node.op.includes('Relu'),
    dequantize: false,
    ...(bias && { bias }),
    ...(summand && {
      summand: { tensor: summand, ...(find('min_summand') && { range: [need('min_summand'), need('max_summand')] }) },
    }),
    ...(find('min_freezed_output') && { outputRange: [need('min_freezed_output'), need('max_freezed_output')] }),
  };
}

const knownFusions: readonly string[] = ['BiasAdd', 'Sum', 'Relu', 'Requantize', 'Dequantize'];

/**
 * The parts of `_FusedQuantizedConv2D` and `_FusedQuantizedDepthwiseConv2D`: tensors as device inputs (input, filter, bias,
 * summand), ranges as host inputs (input, filter, summand, output), what is done with the sums in `fused_ops`.
 */
export function fusedParts(inputs: readonly Tensor[], node: Node): ConvParts {
  const fused = opAttr(node, 'fused_ops', 'strings');
  const unknown = fused.find((name) => !knownFusions.includes(name));
  if (unknown !== undefined) throw new UserError(`the fused op '${unknown}' is none of ${knownFusions.join(', ')}`);
  const devices = argRanges(node, 'inputs').get('device_inputs')?.count ?? 0;
  const tensors = inputs.slice(0, devices);
  const hosts = inputs.slice(devices);
  const take = (from: Tensor[]): Tensor => {
    const found = from.shift();
    if (found === undefined) throw new UserError(`too few inputs for [${fused}]`);
    return found;
  };
  const range = (): readonly [Tensor, Tensor] => [take(hosts), take(hosts)];
  const [input, filter] = [take(tensors), take(tensors)];
  const bias = fused.includes('BiasAdd') ? take(tensors) : undefined;
  const summand = fused.includes('Sum') ? take(tensors) : undefined;
  const [inputRange, filterRange] = [range(), range()];
  const requantize = fused.includes('Requantize');
  const summandRange = summand !== undefined && hosts.length >= (requantize ? 4 : 2) ? range() : undefined;
  const outputRange = requantize ? range() : undefined;
  return {
    input,
    filter,
    inputRange,
    filterRange,
    relu: fused.includes('Relu'),
    dequantize: fused.includes('Dequantize'),
    ...(bias && { bias }),
    ...(summand && { summand: { tensor: summand, ...(summandRange && { range: summandRange }) } }),
    ...(outputRange && { outputRange }),
  };
}
