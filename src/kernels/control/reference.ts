import { UserError } from '../../base/errors.ts';
import type { Shape } from '../../base/shape.ts';
import { numberOf, scalar, type Tensor, tensor, textAt, zeros } from '../../base/tensor.ts';
import { readAttr } from '../../graph/attr.ts';
import type { OpName } from '../../graph/ops/index.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';
import { formatTensor } from './format.ts';

const write = (text: string): void => {
  if (typeof process !== 'undefined' && process.stderr !== undefined) process.stderr.write(text);
  else console.error(text);
};

const assert: ReferenceKernel = ([condition, ...data], node) => {
  if (numberOf(condition!) !== 0) return [];
  const summarize = readAttr(node, 'summarize', 'int', 3);
  const said = data.map((t) => `[${formatTensor(t, summarize)}]`).join(' ');
  throw new UserError(`assertion failed: ${said}`, {}, 'the model refuses this input');
};

const print: ReferenceKernel = ([input, ...data], node) => {
  const summarize = readAttr(node, 'summarize', 'int', 3);
  const said = data.map((t) => `[${formatTensor(t, summarize)}]`).join('');
  write(`${readAttr(node, 'message', 'string', '')}${said}\n`);
  return [input!];
};

const printV2: ReferenceKernel = ([input], node) => {
  write(`${textAt(input as Tensor<'string'>, 0)}${readAttr(node, 'end', 'string', '\n')}`);
  return [];
};

/** True for a scalar that is not 0 or empty, and for other tensors with elements. */
const toBool: ReferenceKernel = ([t]) => {
  const first = t!.data[0];
  const isTrue =
    t!.shape.length > 0
      ? t!.data.length > 0
      : t!.dtype === 'string'
        ? (first as Uint8Array).length > 0
        : Number(first) !== 0;
  return [scalar('bool', isTrue ? 1 : 0)];
};

/** A stand-in for an output that no one reads: unknown sizes become 0. */
const fakeParam: ReferenceKernel = (_inputs, node) => {
  const shape: Shape = (readAttr(node, 'shape', 'shape', null) ?? []).map((dim) => dim ?? 0);
  return [zeros(readAttr(node, 'dtype', 'type'), shape)];
};

/** A variant that holds tensors, or nothing. */
type Optional = { readonly components: readonly Tensor[] | undefined };
const optional = (components: readonly Tensor[] | undefined): readonly Tensor[] => [
  tensor('variant', [], [{ components } satisfies Optional]),
];

function componentsOf(t: Tensor): readonly Tensor[] | undefined {
  const [held] = t.data as unknown as readonly unknown[];
  if (typeof held !== 'object' || held === null || !('components' in held))
    throw new UserError('expected an optional, found another variant');
  return (held as Optional).components;
}

function optionalValue(t: Tensor): readonly Tensor[] {
  const components = componentsOf(t);
  if (components === undefined) throw new UserError('the optional holds no value');
  return components;
}

/** Assertions, printing, optionals. Switch, Merge, loops and calls are the executor's. */
export const controlReference = {
  Abort: (_inputs, node) => {
    throw new UserError(`the graph aborts: ${readAttr(node, 'error_msg', 'string', '')}`);
  },
  Assert: assert,
  FakeParam: fakeParam,
  OptionalFromValue: (inputs) => optional(inputs),
  OptionalGetValue: ([t]) => optionalValue(t!),
  OptionalHasValue: ([t]) => [scalar('bool', componentsOf(t!) === undefined ? 0 : 1)],
  OptionalNone: () => optional(undefined),
  Print: print,
  PrintV2: printV2,
  RefIdentity: ([t]) => [t!],
  ToBool: toBool,
} satisfies Partial<Record<OpName, ReferenceKernel>>;
