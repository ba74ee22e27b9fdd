import type { Tensor } from '../../src/base/tensor.ts';
import { type Attr, type AttrInputs, int, type, types } from '../../src/graph/attr.ts';
import type { OpName } from '../../src/graph/ops/index.ts';
import { definitionOf } from '../../src/graph/signature.ts';

/** `given` with what follows from the inputs: their types, and how many a repeated argument has. */
export function derivedAttrs(op: OpName, inputs: readonly Tensor[], given: AttrInputs): AttrInputs {
  const derived: Record<string, Attr> = {};
  const args = definitionOf(op).inputs;
  const isKnown = (name: string) => given[name] !== undefined || derived[name] !== undefined;
  let at = 0;
  for (const [i, { type: of, count }] of args.entries()) {
    const rest = args.slice(i);
    const singles = rest.filter((arg) => arg.count === undefined && !('list' in arg.type)).length;
    const sharing = rest.filter((arg) => arg.count === count || 'list' in arg.type).length;
    const repeats = count === undefined && !('list' in of) ? 1 : Math.floor((inputs.length - at - singles) / sharing);
    const length = count === undefined ? repeats : (countIn(given[count]) ?? countIn(derived[count]) ?? repeats);
    if (count !== undefined && !isKnown(count)) derived[count] = int(length);
    const taken = inputs.slice(at, at + length);
    if ('list' in of && !isKnown(of.list)) derived[of.list] = types(taken.map(({ dtype }) => dtype));
    if ('attr' in of && !isKnown(of.attr) && taken.length > 0) derived[of.attr] = type(taken[0]!.dtype);
    at += length;
  }
  return { ...derived, ...given };
}

const countIn = (attr: AttrInputs[string]): number | undefined =>
  typeof attr === 'object' && 'int' in attr ? Number(attr.int) : undefined;
