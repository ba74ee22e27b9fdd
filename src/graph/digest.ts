import { createHash } from 'node:crypto';
import type { Graph, Node } from './graph.ts';

/**
 * A digest for each node, by its name, of all that what it gives depends on: the names, ops, attributes and constants of
 * itself and of the nodes behind its inputs. Equal digests mean equal values for equal feeds, in any two graphs. In a loop
 * everything depends on everything: its nodes take in the whole graph.
 */
export function digestsOf(graph: Graph): ReadonlyMap<string, string> {
  const library = Array.from(graph.library.values(), ({ name, args, results, body }) =>
    hashed([name, args, results, ...Array.from(body.nodes.values(), itself)]),
  );
  const found = new Map<string, string>();
  let whole: string | undefined;
  for (const node of graph.order()) {
    const before = [...node.inputs.map((input) => input.node), ...node.controls].map((name) => found.get(name));
    // A back edge.
    if (before.includes(undefined)) whole ??= hashed([...library, ...Array.from(graph.nodes.values(), itself)]);
    found.set(node.name, hashed([itself(node), library, before, before.includes(undefined) ? whole : '']));
  }
  return found;
}

const itself = ({ name, op, inputs, controls, attrs }: Node): string =>
  hashed([name, op, inputs, controls, [...attrs]]);

const hashed = (value: unknown): string => createHash('sha256').update(JSON.stringify(value, plain)).digest('base64');

/** What JSON has no words for. */
function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (value instanceof Map) return [...value];
  if (!ArrayBuffer.isView(value)) return value;
  const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return createHash('sha256').update(bytes).digest('base64');
}
