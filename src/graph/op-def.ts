import { type DType, isDType } from '../base/dtype.ts';
import { InternalError } from '../base/errors.ts';
import type { Attr } from './attr.ts';

/**
 * An op's signature in TensorFlow's own notation (REGISTER_OP), one row an op:
 *
 *     Conv2D: op('input:T, filter:T -> output:T', 'T:{float16,float32}; strides:list(int); padding:string'),
 *
 * The type of an argument is an attribute's name (`T`), a dtype, a repeated one (`N*T`), a list of types (`@Tlist`), or a
 * reference (`Ref(T)`). Rows are parsed when they are first asked for.
 */
export type OpRow = { readonly io: string; readonly attrs: string; readonly stateful: boolean };
export type OpTable = Readonly<Record<string, OpRow>>;

export const op = (io: string, attrs = '', { stateful = false } = {}): OpRow => ({ io, attrs, stateful });

/** The types of one argument: one dtype or attribute's, repeated `count` times, or as an attribute lists them. */
export type ArgDef = {
  readonly name: string;
  readonly type: { readonly dtype: DType } | { readonly attr: string } | { readonly list: string };
  /** The attribute that says how often the argument is repeated. */
  readonly count?: string;
  readonly isRef: boolean;
};
export type AttrDef = {
  readonly name: string;
  readonly kind: string;
  readonly allowed?: readonly string[];
  readonly default?: Attr;
};
export type OpDef = {
  readonly inputs: readonly ArgDef[];
  readonly outputs: readonly ArgDef[];
  readonly attrs: ReadonlyMap<string, AttrDef>;
  readonly stateful: boolean;
};

const parsed = new WeakMap<OpRow, OpDef>();

/** The row as a definition. Throws `InternalError` on a row that can't be read. */
export function opDef(row: OpRow): OpDef {
  const known = parsed.get(row);
  if (known !== undefined) return known;
  const [inputs = '', outputs = ''] = row.io.split('->');
  const def: OpDef = {
    inputs: splitTop(inputs, ',').map(parseArg),
    outputs: splitTop(outputs, ',').map(parseArg),
    attrs: new Map(
      splitTop(row.attrs, ';')
        .map(parseAttr)
        .map((attr) => [attr.name, attr]),
    ),
    stateful: row.stateful,
  };
  parsed.set(row, def);
  return def;
}

/** Splits at `separator` outside of brackets and quotes; drops empty parts. */
function splitTop(text: string, separator: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let quoted = false;
  let part = '';
  for (const char of text) {
    if (char === '"') quoted = !quoted;
    else if (!quoted && '([{'.includes(char)) depth++;
    else if (!quoted && ')]}'.includes(char)) depth--;
    if (char === separator && depth === 0 && !quoted) {
      parts.push(part);
      part = '';
    } else part += char;
  }
  return [...parts, part].map((p) => p.trim()).filter((p) => p !== '');
}

function parseArg(text: string): ArgDef {
  const match = /^(\w+)\s*:\s*(Ref\()?(?:(\w+)\*)?(@?)(\w+)\)?$/.exec(text);
  if (match === null) throw new InternalError(`can't read the argument '${text}' of an op's row`);
  const [, name, ref, count, list, typeName] = match as unknown as [string, string, string?, string?, string?, string?];
  const type = list === '@' ? { list: typeName! } : isDType(typeName!) ? { dtype: typeName } : { attr: typeName! };
  return { name, type, isRef: ref !== undefined, ...(count === undefined ? {} : { count }) };
}

function parseAttr(text: string): AttrDef {
  const match = /^(\w+)\s*:\s*(list\([^)]*\)|\{[^}]*\}|\w+)(?:\s*>=\s*-?\d+)?\s*(?:=\s*(.*))?$/s.exec(text);
  if (match === null) throw new InternalError(`can't read the attribute '${text}' of an op's row`);
  const [, name, kindText, value] = match as unknown as [string, string, string, string?];
  const set = /\{([^}]*)\}/.exec(kindText)?.[1];
  const allowed = set?.split(',').map((item) => item.trim().replaceAll('"', ''));
  const listed = kindText.startsWith('list(');
  const element =
    set === undefined ? kindText.replace(/^list\(|\)$/g, '') : allowed!.every(isDType) ? 'type' : 'string';
  const kind = listed ? `list(${element})` : element;
  return {
    name,
    kind,
    ...(allowed === undefined ? {} : { allowed }),
    ...(value === undefined ? {} : { default: parseDefault(value, kind) }),
  };
}

function parseDefault(text: string, kind: string): Attr {
  if (kind.startsWith('list(')) {
    const element = kind.slice(5, -1);
    const items = splitTop(text.replace(/^\[|\]$/g, ''), ',').map((item) => scalarDefault(item, element));
    if (items.length === 0) return { list: {} };
    return { list: { [`${element}s`]: items } };
  }
  return { [kind]: scalarDefault(text, kind) } as Attr;
}

/** `?` and `null` stand for unknown rank; `inf` for infinity. */
function scalarDefault(text: string, kind: string): string | number | boolean | readonly (number | null)[] | null {
  const plain = text.trim().replace(/^"|"$/g, '');
  if (kind === 'int' || kind === 'float')
    return plain.endsWith('inf') ? Number(plain.replace('inf', 'Infinity')) : Number(plain);
  if (kind === 'bool') return plain === 'true';
  if (kind !== 'shape') return plain;
  if (plain === '?' || plain === 'null') return null;
  return splitTop(plain.replace(/^\[|\]$/g, ''), ',').map((dim) => (dim === '?' || dim === '-1' ? null : Number(dim)));
}
