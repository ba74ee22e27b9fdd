import { symmetricSteps } from '../base/dtype.ts';
import { numberOf } from '../base/tensor.ts';
import { readAttr } from '../graph/attr.ts';
import { constTensor } from '../graph/constant.ts';
import type { Node, Value } from '../graph/graph.ts';
import { argRanges } from '../graph/signature.ts';
import { scaleSources, siteOf } from './sites.ts';

type Nodes = { readonly node: (name: string) => Node };

/**
 * The scale of SCALED codes whose range is constant: max / 255 of quint8, max / 127 of qint8. Undefined where each run finds
 * its own, and where several sources of a concat differ.
 */
export function frozenScale(graph: Nodes, codes: Value): number | undefined {
  const scales = new Set(scaleSources(graph, codes).map((node) => scaleOfSource(graph, node)));
  const [scale] = scales;
  return scales.size === 1 ? scale : undefined;
}

function scaleOfSource(graph: Nodes, node: Node): number | undefined {
  const site = siteOf(node);
  const max = site === undefined ? frozenOutput(node) : site.max;
  const tensor = max && constTensor(graph.node(max.node));
  if (tensor === undefined) return undefined;
  const dtype =
    site === undefined ? readAttr(node, 'out_type', 'type', 'quint8') : site.form === 'signed' ? 'qint8' : 'quint8';
  return numberOf(tensor) / symmetricSteps(dtype);
}

/** The input of a fused op that says the largest value of its output. */
function frozenOutput(node: Node): Value | undefined {
  const range = argRanges(node, 'inputs').get('max_freezed_output');
  return range && node.inputs[range.start];
}
