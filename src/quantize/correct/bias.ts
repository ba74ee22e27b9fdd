import { roundHalfEven } from '../../base/round.ts';
import { type Tensor, tensor } from '../../base/tensor.ts';
import { constNode, constTensor } from '../../graph/constant.ts';
import type { Graph, Node, Value } from '../../graph/graph.ts';
import { withNodes } from './known.ts';
import { sumChannels } from './statistics.ts';
import type { Stream } from './stream.ts';
import type { Target } from './target.ts';

/** Newton steps: behind a relu the mean bends with the bias; three come within a small part of a step of the codes. */
const maxSteps = 3;
/** A channel that a relu has almost silenced is not pushed further than this share of its values were active. */
const leastActive = 0.1;
/** A layer is right when the mean of each channel is within this share of a code; in fp32, within a step of its bias. */
const tolerance = 0.02;

/** The values that a layer computes with. */
export const dataInputs = (graph: Graph, { inputs }: Node): Value[] =>
  inputs.filter(({ node }) => graph.node(node).op !== 'Const');

type Corrected = { readonly change?: Float64Array; readonly outputs: readonly Tensor[]; readonly corrected: Graph };

/**
 * What to add to the bias of a layer so that the mean of each of its channels, behind its relu and after rounding, is that of
 * the fp32 model, in the integer arithmetic of the runner. Nagel et al., Data-Free Quantization Through Weight Equalization
 * and Bias Correction (2019), section 4.2, with measured means; the mean behind the relu is matched by Newton's method, whose
 * derivative is the share of values that neither the relu nor the range cuts off.
 */
export async function correctBias(
  graph: Graph,
  target: Target,
  expected: Float64Array | undefined,
  stream: Stream,
): Promise<Corrected> {
  const run = async (change: Float64Array) => {
    const corrected = withBias(graph, target, change);
    const outputs = (await stream.compute(corrected, [target.out])).map(([out]) => out!);
    return { change, outputs, corrected };
  };
  const channels = target.unit.length;
  let tried = await run(new Float64Array(channels));
  if (expected === undefined || expected.length !== channels) return { outputs: tried.outputs, corrected: graph };
  const best = new Float64Array(channels);
  const least = new Float64Array(channels).fill(Number.POSITIVE_INFINITY);
  for (let step = 0; ; step++) {
    const { mean, active } = statistics(tried.outputs, target);
    const next = new Float64Array(channels);
    let largest = 0;
    for (let c = 0; c < channels; c++) {
      const error = expected[c]! - mean[c]!;
      if (Math.abs(error) < least[c]!) {
        least[c] = Math.abs(error);
        best[c] = tried.change[c]!;
      }
      next[c] = tried.change[c]! + error / Math.max(leastActive, active[c]!);
      largest = Math.max(largest, Math.abs(error) / (target.isFloat ? target.step[c]! : target.scale));
    }
    if (step === maxSteps || largest < (target.isFloat ? 1 : tolerance)) break;
    tried = await run(next);
  }
  const isLast = best.every((change, c) => change === tried.change[c]);
  return isLast ? tried : run(best);
}

/** The graph with the bias of a layer changed by so much of its output. */
function withBias(graph: Graph, { bias, unit }: Target, change: Float64Array): Graph {
  const before = constTensor(bias)! as Tensor<'qint32'> | Tensor<'float32'>;
  const steps = Array.from(before.data, (b, c) => b + change[c]! / unit[c]!);
  const after =
    before.dtype === 'qint32'
      ? tensor('qint32', before.shape, Int32Array.from(steps, saturated))
      : tensor('float32', before.shape, Float32Array.from(steps));
  return withNodes(graph, [constNode(bias.name, after)]);
}

const saturated = (x: number): number => Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, roundHalfEven(x)));

/** The mean of each channel over all samples, and the share of values that a change of the bias moves. */
function statistics(outputs: readonly Tensor[], target: Target) {
  const { sums, between, rows } = sumChannels(outputs, target.unit.length, target);
  return {
    mean: sums.map((sum) => (sum * target.scale) / Math.max(1, rows)),
    active: between.map((count) => count / Math.max(1, rows)),
  };
}
