import type { DType } from '../base/dtype.ts';
import { UserError } from '../base/errors.ts';
import type { PartialShape } from '../base/shape.ts';
import type { Tensor } from '../base/tensor.ts';

/** A named function of the graph's library with its own attributes. */
export type FunctionRef = { readonly name: string; readonly attrs: Attrs };

/**
 * The value of a node's attribute (TensorFlow's AttrValue). Text that is not UTF-8 stays `bytes`; integers beyond 2^53
 * stay bigint; `placeholder` names an attribute of the enclosing function; `raw` is what octet does not know, kept as it was.
 */
export type Attr =
  | { readonly string: string }
  | { readonly bytes: Uint8Array }
  | { readonly int: number | bigint }
  | { readonly float: number }
  | { readonly bool: boolean }
  | { readonly type: DType }
  | { readonly shape: PartialShape }
  | { readonly tensor: Tensor }
  | { readonly func: FunctionRef }
  | { readonly placeholder: string }
  | { readonly list: AttrList }
  | { readonly raw: Uint8Array };

/** A list of one kind; an empty one has lost its kind in the file and is `{}`. */
export type AttrList = {
  readonly strings?: readonly string[];
  readonly ints?: readonly number[];
  readonly floats?: readonly number[];
  readonly bools?: readonly boolean[];
  readonly types?: readonly DType[];
  readonly shapes?: readonly PartialShape[];
  readonly tensors?: readonly Tensor[];
  readonly funcs?: readonly FunctionRef[];
};

/** Attributes by name. A Map, so that a name from a file can't reach an object's prototype. */
export type Attrs = ReadonlyMap<string, Attr>;

/** What builders accept for an attribute: an `Attr`, or plain values whose kind is plain: text, truth, arrays of text. */
export type AttrInput = Attr | string | boolean;
export type AttrInputs = Readonly<Record<string, AttrInput | undefined>>;

/** Constructors, so that rules read well: `attrs({ T: type('float32'), strides: ints([1, 2, 2, 1]), padding: 'SAME' })`. */
export const int = (value: number): Attr => ({ int: value });
export const float = (value: number): Attr => ({ float: value });
export const type = (value: DType): Attr => ({ type: value });
export const shapeAttr = (value: PartialShape): Attr => ({ shape: value });
export const ints = (values: readonly number[]): Attr => ({ list: { ints: values } });
export const types = (values: readonly DType[]): Attr => ({ list: { types: values } });
export const strings = (values: readonly string[]): Attr => ({ list: { strings: values } });

export const attrs = (values: AttrInputs): Attrs =>
  new Map(
    Object.entries(values).flatMap(([name, value]): [string, Attr][] => {
      if (value === undefined) return [];
      if (typeof value === 'string') return [[name, { string: value }]];
      return [[name, typeof value === 'boolean' ? { bool: value } : value]];
    }),
  );

/** The JavaScript value of each kind of attribute, for `readAttr`. */
type Kinds = {
  string: string;
  int: number;
  float: number;
  bool: boolean;
  type: DType;
  shape: PartialShape;
  tensor: Tensor;
  func: FunctionRef;
  strings: readonly string[];
  ints: readonly number[];
  floats: readonly number[];
  bools: readonly boolean[];
  types: readonly DType[];
  shapes: readonly PartialShape[];
  tensors: readonly Tensor[];
  funcs: readonly FunctionRef[];
};
export type AttrKind = keyof Kinds;

/** The value of `attr` if it is of `kind`, else undefined. An empty list is of every list kind. */
export function attrValue<K extends AttrKind>(attr: Attr, kind: K): Kinds[K] | undefined {
  if ('list' in attr) {
    if (!isListKind(kind)) return undefined;
    const empty = Object.keys(attr.list).length === 0;
    return (empty ? [] : attr.list[kind]) as Kinds[K] | undefined;
  }
  if (!(kind in attr)) return undefined;
  const value = (attr as Record<string, unknown>)[kind];
  return typeof value === 'bigint' ? undefined : (value as Kinds[K]);
}

type ListKind = keyof AttrList;
const isListKind = (kind: AttrKind): kind is ListKind & AttrKind => kind.endsWith('s');

/**
 * The attribute `name` of `node` as `kind`, or `fallback` where the node does not have it (TensorFlow leaves out
 * attributes at their default). Throws `UserError` naming the node when it is missing without fallback or of another kind.
 */
export function readAttr<K extends AttrKind>(
  node: { readonly name: string; readonly op: string; readonly attrs: Attrs },
  name: string,
  kind: K,
  fallback?: Kinds[K],
): Kinds[K] {
  const attr = node.attrs.get(name);
  const value = attr === undefined ? fallback : attrValue(attr, kind);
  if (value !== undefined) return value;
  const what = attr === undefined ? 'is missing' : `is not of kind ${kind}`;
  throw new UserError(`attribute '${name}' ${what}`, { node: node.name, op: node.op });
}
