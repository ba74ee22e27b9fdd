import { type DType, dtypes } from '../../base/dtype.ts';
import { UserError } from '../../base/errors.ts';
import { formatShape, type Shape, sameShape } from '../../base/shape.ts';
import type { Tensor } from '../../base/tensor.ts';

/** One element of a tensor: bytes for strings, bigint for 64-bit integers, else a number. */
export type Element = Uint8Array | bigint | number;
/** What tells keys apart: strings by their bytes, as text of one character a byte. */
type Key = string | bigint | number;

const elementsOf = (t: Tensor): readonly Element[] => t.data as unknown as readonly Element[];

function fromElements(dtype: DType, shape: Shape, elements: readonly Element[]): Tensor {
  const data =
    dtype === 'string' ? [...elements] : (dtypes[dtype].array as Float32ArrayConstructor).from(elements as number[]);
  return { dtype, shape, data } as unknown as Tensor;
}

const keyOf = (element: Element): Key => (element instanceof Uint8Array ? byteText(element) : element);

/** One character a byte. */
const byteText = (bytes: Uint8Array): string => {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
};

/** A lookup table: one value a key. Mutable ones take new values for old keys; others refuse them, as in TensorFlow. */
export class Table {
  readonly keyType: DType;
  readonly valueType: DType;
  readonly isMutable: boolean;
  /** Whether an immutable table has been filled: TensorFlow refuses to look things up before. */
  isFilled: boolean;
  readonly #entries = new Map<Key, { readonly key: Element; readonly value: Element }>();

  constructor(keyType: DType, valueType: DType, isMutable: boolean) {
    this.keyType = keyType;
    this.valueType = valueType;
    this.isMutable = isMutable;
    this.isFilled = isMutable;
  }

  get size(): number {
    return this.#entries.size;
  }

  insert(key: Element, value: Element): void {
    const id = keyOf(key);
    const old = this.#entries.get(id);
    if (old !== undefined && !this.isMutable && keyOf(old.value) !== keyOf(value))
      throw new UserError(`the key ${textOf(key)} has two values, ${textOf(old.value)} and ${textOf(value)}`);
    this.#entries.set(id, { key, value });
  }

  insertAll(keys: Tensor, values: Tensor): void {
    if (keys.dtype !== this.keyType || values.dtype !== this.valueType)
      throw new UserError(
        `the table maps ${this.keyType} to ${this.valueType}; it is given ${keys.dtype} and ${values.dtype}`,
      );
    if (!sameShape(keys.shape, values.shape))
      throw new UserError(`keys of shape ${formatShape(keys.shape)}, values of ${formatShape(values.shape)}`);
    this.isFilled = true;
    const list = elementsOf(values);
    for (const [i, key] of elementsOf(keys).entries()) this.insert(key, list[i]!);
  }

  remove(keys: Tensor): void {
    for (const key of elementsOf(keys)) this.#entries.delete(keyOf(key));
  }

  find(keys: Tensor, otherwise: Tensor): Tensor {
    if (!this.isFilled)
      throw new UserError('the lookup table has not been filled', {}, "name the table's initializer among the model's");
    if (keys.dtype !== this.keyType || otherwise.dtype !== this.valueType)
      throw new UserError(
        `the table maps ${this.keyType} to ${this.valueType}; it is asked for ${keys.dtype} to ${otherwise.dtype}`,
      );
    const defaults = elementsOf(otherwise);
    if (defaults.length !== 1 && defaults.length !== keys.data.length)
      throw new UserError(`defaults of shape ${formatShape(otherwise.shape)} for keys of ${formatShape(keys.shape)}`);
    // Not keys.data.map(), which would give an array of the keys' type.
    const found = Array.from(
      elementsOf(keys),
      (key, i) => this.#entries.get(keyOf(key))?.value ?? defaults[i] ?? defaults[0]!,
    );
    return fromElements(this.valueType, keys.shape, found);
  }

  /** All keys and values, in the order in which they came. */
  export(): readonly [Tensor, Tensor] {
    const entries = [...this.#entries.values()];
    const of = (dtype: DType, elements: Element[]) => fromElements(dtype, [elements.length], elements);
    return [
      of(
        this.keyType,
        entries.map((e) => e.key),
      ),
      of(
        this.valueType,
        entries.map((e) => e.value),
      ),
    ];
  }
}

const textOf = (element: Element): string =>
  element instanceof Uint8Array ? `'${new TextDecoder().decode(element)}'` : String(element);
