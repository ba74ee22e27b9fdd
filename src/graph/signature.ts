import type { DType } from '../base/dtype.ts';
import { type Attr, type AttrKind, attrValue, readAttr } from './attr.ts';
import type { GraphFunction, Node } from './graph.ts';
import { type ArgDef, type OpDef, opDef } from './op-def.ts';
import { type OpName, ops } from './ops/index.ts';

/** Whether octet knows the op's signature. */
export const isKnownOp = (name: string): name is OpName => Object.hasOwn(ops, name);
export const definitionOf = (name: OpName): OpDef => opDef(ops[name]);

/** The attribute of a node, or the default its op gives it. */
export function attrOrDefault(node: Node, def: OpDef, name: string): Attr | undefined {
  return node.attrs.get(name) ?? def.attrs.get(name)?.default;
}

/** The attribute `name` of `node` as `kind`, with its op's default. Throws `UserError` as `readAttr` does. */
export function opAttr<K extends AttrKind>(node: Node, name: string, kind: K): ReturnType<typeof readAttr<K>> {
  const attr = isKnownOp(node.op) ? attrOrDefault(node, definitionOf(node.op), name) : undefined;
  return (attr === undefined ? undefined : attrValue(attr, kind)) ?? readAttr(node, name, kind);
}

/** The dtypes that an argument stands for: one, or several where it is repeated or a list. */
function argTypes(arg: ArgDef, node: Node, def: OpDef): readonly DType[] {
  const read = <K extends 'type' | 'types' | 'int'>(name: string, kind: K) => {
    const attr = attrOrDefault(node, def, name);
    return attr === undefined ? undefined : attrValue(attr, kind);
  };
  if ('list' in arg.type) return read(arg.type.list, 'types') ?? readAttr(node, arg.type.list, 'types');
  const dtype =
    'dtype' in arg.type ? arg.type.dtype : (read(arg.type.attr, 'type') ?? readAttr(node, arg.type.attr, 'type'));
  if (arg.count === undefined) return [dtype];
  const count = read(arg.count, 'int') ?? readAttr(node, arg.count, 'int');
  return new Array<DType>(Math.max(0, Math.min(count, maxRepeats))).fill(dtype);
}

/** More repeats than any real op has: a count from a hostile file allocates no more than this. */
const maxRepeats = 65_536;

/** The dtype of each output; undefined for ops that octet does not know and functions that are not in the library. */
export function outputTypes(node: Node, library: ReadonlyMap<string, GraphFunction>): readonly DType[] | undefined {
  if (isKnownOp(node.op)) {
    const def = definitionOf(node.op);
    return def.outputs.flatMap((arg) => argTypes(arg, node, def));
  }
  const called = library.get(node.op);
  return called?.results.map(({ value }) => {
    const from = called.body.node(value.node);
    return outputTypes(from, library)?.[value.port] ?? 'variant';
  });
}

/** The dtype that the op wants of each input; undefined for ops that octet does not know. */
export function inputTypes(node: Node): readonly DType[] | undefined {
  if (!isKnownOp(node.op)) return undefined;
  const def = definitionOf(node.op);
  return def.inputs.flatMap((arg) => argTypes(arg, node, def));
}

/** The number of the flat input at which each named argument of the op starts, and how many values it has. */
export function argRanges(
  node: Node,
  which: 'inputs' | 'outputs',
): ReadonlyMap<string, { start: number; count: number }> {
  const ranges = new Map<string, { start: number; count: number }>();
  if (!isKnownOp(node.op)) return ranges;
  const def = definitionOf(node.op);
  let start = 0;
  for (const arg of def[which]) {
    const count = argTypes(arg, node, def).length;
    ranges.set(arg.name, { start, count });
    start += count;
  }
  return ranges;
}
