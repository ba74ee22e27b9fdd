import type { DType } from '../../base/dtype.ts';
import { UserError } from '../../base/errors.ts';
import { formatShape, sameShape } from '../../base/shape.ts';
import { scalar, type Tensor, tensor, tensorOf } from '../../base/tensor.ts';
import { readAttr } from '../../graph/attr.ts';
import type { Node } from '../../graph/graph.ts';
import type { OpName } from '../../graph/ops/index.ts';
import { gather } from '../array/gather.ts';
import type { ReferenceKernel, Resources } from '../reference-kernel.ts';

/** A resource variable: its handle holds it. Frozen graphs have none; those that are left start without a value. */
class Variable {
  readonly name: string;
  readonly dtype: DType;
  value: Tensor | undefined;

  constructor(name: string, dtype: DType) {
    this.name = name;
    this.dtype = dtype;
  }

  read(): Tensor {
    if (this.value !== undefined) return this.value;
    throw new UserError(
      `the variable '${this.name}' has no value`,
      {},
      'load the SavedModel, whose variables octet freezes',
    );
  }

  assign(value: Tensor): void {
    if (value.dtype !== this.dtype) throw new UserError(`assigns ${value.dtype} to a variable of ${this.dtype}`);
    this.value = value;
  }
}

function variable(node: Node, { session }: Resources): Variable {
  const name = readAttr(node, 'shared_name', 'string', '') || node.name;
  const known = session.get(name);
  if (known instanceof Variable) return known;
  const made = new Variable(name, readAttr(node, 'dtype', 'type'));
  session.set(name, made);
  return made;
}

function variableOf(handle: Tensor): Variable {
  const [held] = handle.data as unknown as readonly unknown[];
  if (held instanceof Variable) return held;
  throw new UserError('the handle is not that of a variable');
}

/** value ± update, elementwise over one shape. */
const update =
  (sign: 1 | -1): ReferenceKernel =>
  ([handle, by]) => {
    const target = variableOf(handle!);
    const old = target.read();
    if (old.dtype !== by!.dtype || !sameShape(old.shape, by!.shape))
      throw new UserError(`a value of shape ${formatShape(by!.shape)} for a variable of ${formatShape(old.shape)}`);
    const data = old.data.slice() as Float32Array;
    for (let i = 0; i < data.length; i++)
      // 64-bit integers are bigints: the sign is applied to whichever it is.
      data[i] = sign > 0 ? data[i]! + (by!.data[i] as number) : data[i]! - (by!.data[i] as number);
    target.assign({ ...old, data } as Tensor);
    return [];
  };

const unfrozen: ReferenceKernel = () => {
  throw new UserError(
    "is a variable, and a graph alone does not hold variables' values",
    {},
    'freeze the graph, or load the SavedModel',
  );
};

/** Variables. Those of models that octet loads are constants by now. */
export const stateReference = {
  AssignAddVariableOp: update(1),
  AssignSubVariableOp: update(-1),
  AssignVariableOp: ([handle, value]) => {
    variableOf(handle!).assign(value!);
    return [];
  },
  DestroyResourceOp: ([handle]) => {
    const [held] = handle!.data as unknown as readonly unknown[];
    if (held instanceof Variable) held.value = undefined;
    return [];
  },
  DisableCopyOnRead: () => [],
  ReadVariableOp: ([handle]) => [variableOf(handle!).read()],
  ResourceGather: ([handle, indices], node) => {
    const batchDims = readAttr(node, 'batch_dims', 'int', 0);
    return [gather(variableOf(handle!).read(), indices!, batchDims, batchDims)];
  },
  VarHandleOp: (_inputs, node, resources) => [tensor('resource', [], [variable(node, resources)])],
  Variable: unfrozen,
  VariableShape: ([handle], node) => {
    const dtype = readAttr(node, 'out_type', 'type', 'int32') === 'int64' ? 'int64' : 'int32';
    return [tensorOf(dtype, [...variableOf(handle!).read().shape])];
  },
  VariableV2: unfrozen,
  VarIsInitializedOp: ([handle]) => [scalar('bool', variableOf(handle!).value === undefined ? 0 : 1)],
} satisfies Partial<Record<OpName, ReferenceKernel>>;
