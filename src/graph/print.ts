import { formatShape } from '../base/shape.ts';
import { numbersOf, type Tensor, textAt } from '../base/tensor.ts';
import type { Attr } from './attr.ts';
import { constTensor } from './constant.ts';
import { formatValue, type Graph, type Node } from './graph.ts';

export type PrintOptions = {
  /** Attributes that are left out: those that say nothing beyond the dtypes. */
  readonly without?: ReadonlySet<string>;
};

const typeAttrs: ReadonlySet<string> = new Set([
  'T',
  'dtype',
  'Tinput',
  'Tfilter',
  'Tbias',
  '_output_shapes',
  '_class',
]);

/**
 * The graph as text, one node a line in topological order: `name = Op(inputs, ^controls) {attrs}`. Meant for people and
 * for goldens: constants print their shape and first elements.
 */
export function printGraph(graph: Graph, { without = typeAttrs }: PrintOptions = {}): string {
  const bodies = [...graph.library.values()].map(
    (fn) =>
      `function ${fn.name}(${fn.args.join(', ')}) → ${fn.results.map((r) => formatValue(r.value)).join(', ')}\n${printGraph(fn.body, { without }).replace(/^(?=.)/gm, '  ')}`,
  );
  return `${[...graph.order().map((node) => printNode(node, without)), ...bodies].join('\n')}\n`;
}

function printNode(node: Node, without: ReadonlySet<string>): string {
  const tensor = constTensor(node);
  if (tensor !== undefined) return `${node.name} = ${printTensor(tensor)}`;
  const inputs = [...node.inputs.map(formatValue), ...node.controls.map((name) => `^${name}`)];
  const attrs = [...node.attrs].filter(([name]) => !without.has(name)).sort(([a], [b]) => (a < b ? -1 : 1));
  const shown = attrs.length === 0 ? '' : ` {${attrs.map(([name, attr]) => `${name}: ${printAttr(attr)}`).join(', ')}}`;
  return `${node.name} = ${node.op}(${inputs.join(', ')})${shown}`;
}

function printTensor(t: Tensor): string {
  const shown = 6;
  const start = { ...t, shape: [Math.min(shown, t.data.length)], data: t.data.slice(0, shown) } as Tensor;
  const items =
    start.dtype === 'string'
      ? Array.from(start.data, (_, i) => JSON.stringify(textAt(start, i)))
      : start.dtype === 'resource' || start.dtype === 'variant'
        ? []
        : numbersOf(start).map((x) => String(Number(x.toPrecision(6))));
  return `${t.dtype}${formatShape(t.shape)} {${items.join(' ')}${t.data.length > shown ? ' …' : ''}}`;
}

function printAttr(attr: Attr): string {
  if ('string' in attr) return JSON.stringify(attr.string);
  if ('type' in attr) return attr.type;
  if ('shape' in attr) return formatShape(attr.shape);
  if ('tensor' in attr) return printTensor(attr.tensor);
  if ('func' in attr) return `@${attr.func.name}`;
  if ('placeholder' in attr) return `$${attr.placeholder}`;
  if ('bytes' in attr || 'raw' in attr) return '<bytes>';
  if ('list' in attr) return `[${Object.values(attr.list).flat().map(String).join(', ')}]`;
  return String(Object.values(attr)[0]);
}
