import { constTensor } from '../graph/constant.ts';
import type { Node } from '../graph/graph.ts';
import type { RewriteContext } from '../graph/rewrite.ts';

const additions: ReadonlySet<string> = new Set(['Add', 'AddV2']);

/** Whether a value is part of a sum with another value: a residual connection. A constant is not one. */
export const isAdded = ({ name }: Node, { uses, find }: RewriteContext): boolean =>
  uses({ node: name, port: 0 }).some(
    (reader) =>
      additions.has(reader.op) &&
      reader.inputs.every((v) => {
        const from = find(v.node);
        return from === undefined || constTensor(from) === undefined;
      }),
  );
