import { type Place, UserError } from '../../base/errors.ts';

/**
 * Where reading stands, for errors, and how much a file may still blow up. A tensor in a file may be a shape and a single
 * value that stands for all elements: a hundred bytes that mean gigabytes. What such values expand to, in all tensors of a
 * file together, is limited to 256 MiB and 16 bytes for each byte of the file.
 */
export type ReadContext = {
  readonly place: Place;
  /** Shared by all parts of a file. */
  readonly budget: { expansion: number };
};

const freeExpansion = 2 ** 28;
const expansionPerByte = 16;

export const readContext = (fileSize: number, file?: string): ReadContext => ({
  place: file === undefined ? {} : { file },
  budget: { expansion: freeExpansion + expansionPerByte * fileSize },
});

/** The same file and budget, at a node. */
export const atNode = (context: ReadContext, node: string, op: string): ReadContext => ({
  ...context,
  place: { ...context.place, node, op },
});

/** Takes `bytes` from the budget before they are allocated. Throws `UserError` when it does not have them. */
export function spend(context: ReadContext, bytes: number): void {
  context.budget.expansion -= bytes;
  if (context.budget.expansion >= 0) return;
  throw new UserError(
    'a single value stands for more elements than a file of this size may hold',
    context.place,
    'store the tensor with all its elements (tensor_content) if this is meant',
  );
}
