import {
  create,
  type DescEnum,
  type DescField,
  type DescMessage,
  type MessageShape,
  ScalarType,
} from '@bufbuild/protobuf';
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import { type Token, tokens } from './tokens.ts';

/** Real files nest a dozen levels; deeper ones would overflow the stack. */
const maxDepth = 100;

type Reader = ReturnType<typeof tokens>;

/**
 * A message of `schema` from protobuf's text format (`.pbtxt`): comments, `{}` and `<>`, lists in brackets, enums by name or
 * number. Throws `UserError` with file and line, naming fields that the message does not have.
 */
export function parseText<D extends DescMessage>(schema: D, text: string, file?: string): MessageShape<D> {
  const reader = tokens(text, file);
  const message = create(schema);
  readFields(reader, reflect(schema, message), undefined, 0);
  return message;
}

function readFields(reader: Reader, message: ReflectMessage, close: string | undefined, depth: number): void {
  const fields = new Map(message.desc.fields.map((field) => [field.name, field]));
  for (;;) {
    const token = reader.take();
    if (token.kind === 'end' && close === undefined) return;
    if (token.kind === 'mark' && token.text === close) return;
    if (token.kind !== 'name')
      throw reader.fail(`expected a field of ${message.desc.name}, found '${token.text}'`, token.at);
    const field = fields.get(token.text);
    if (field === undefined) throw reader.fail(`${message.desc.name} has no field '${token.text}'`, token.at);
    const colon = accept(reader, ':');
    if (!colon && messageOf(field) === undefined) throw reader.fail(`expected ':' after '${token.text}'`, token.at);
    readField(reader, message, field, depth, token);
    if (!accept(reader, ';')) accept(reader, ',');
  }
}

function accept(reader: Reader, mark: string): boolean {
  const token = reader.peek();
  if (token.kind !== 'mark' || token.text !== mark) return false;
  reader.take();
  return true;
}

const messageOf = (field: DescField): DescMessage | undefined =>
  field.fieldKind === 'message' || (field.fieldKind === 'list' && field.listKind === 'message')
    ? field.message
    : undefined;

function readField(reader: Reader, message: ReflectMessage, field: DescField, depth: number, at: Token): void {
  if (field.fieldKind !== 'list') {
    message.set(field, readValue(reader, field, depth));
    return;
  }
  if (!accept(reader, '[')) {
    message.get(field).add(readValue(reader, field, depth));
    return;
  }
  if (accept(reader, ']')) return;
  do message.get(field).add(readValue(reader, field, depth));
  while (accept(reader, ','));
  if (!accept(reader, ']')) throw reader.fail(`the list of '${field.name}' does not end`, at.at);
}

function readValue(reader: Reader, field: DescField, depth: number) {
  const schema = messageOf(field);
  if (schema !== undefined) return readMessage(reader, schema, depth);
  const { enum: desc, scalar } = field as { enum?: DescEnum; scalar?: ScalarType };
  if (desc !== undefined) return readEnum(reader, desc);
  if (scalar === ScalarType.STRING || scalar === ScalarType.BYTES) return readText(reader, scalar);
  if (scalar === ScalarType.BOOL) return readBool(reader);
  return readNumber(reader, scalar!);
}

function readMessage(reader: Reader, schema: DescMessage, depth: number): ReflectMessage {
  const open = reader.take();
  const close = open.text === '{' ? '}' : open.text === '<' ? '>' : undefined;
  if (open.kind !== 'mark' || close === undefined) throw reader.fail(`expected '{', found '${open.text}'`, open.at);
  if (depth >= maxDepth) throw reader.fail('messages are nested too deep', open.at);
  const message = reflect(schema);
  readFields(reader, message, close, depth + 1);
  return message;
}

function readEnum(reader: Reader, desc: DescEnum): number {
  if (reader.peek().kind !== 'name') return Number(readInteger(reader, -(2n ** 31n), 2n ** 31n - 1n));
  const token = reader.take();
  const value = desc.values.find(({ name }) => name === token.text);
  if (value === undefined) throw reader.fail(`${desc.name} has no value '${token.text}'`, token.at);
  return value.number;
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Quoted texts side by side are one. */
function readText(reader: Reader, scalar: ScalarType): string | Uint8Array {
  const parts: Uint8Array[] = [];
  const start = reader.peek().at;
  for (let token = reader.peek(); token.kind === 'text'; token = reader.peek()) {
    parts.push(token.bytes);
    reader.take();
  }
  if (parts.length === 0) throw reader.fail(`expected quoted text, found '${reader.peek().text}'`, start);
  const bytes = parts.length === 1 ? parts[0]! : new Uint8Array(Buffer.concat(parts));
  if (scalar === ScalarType.BYTES) return bytes;
  try {
    return decoder.decode(bytes);
  } catch {
    throw reader.fail('the text is not UTF-8', start);
  }
}

const truths: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['True', true],
  ['t', true],
  ['1', true],
  ['false', false],
  ['False', false],
  ['f', false],
  ['0', false],
]);

function readBool(reader: Reader): boolean {
  const token = reader.take();
  const truth = truths.get(token.text);
  if (truth === undefined) throw reader.fail(`expected true or false, found '${token.text}'`, token.at);
  return truth;
}

const ranges: ReadonlyMap<ScalarType, readonly [low: bigint, high: bigint, wide: boolean]> = new Map([
  [ScalarType.INT32, [-(2n ** 31n), 2n ** 31n - 1n, false]],
  [ScalarType.UINT32, [0n, 2n ** 32n - 1n, false]],
  [ScalarType.FIXED32, [0n, 2n ** 32n - 1n, false]],
  [ScalarType.INT64, [-(2n ** 63n), 2n ** 63n - 1n, true]],
  [ScalarType.UINT64, [0n, 2n ** 64n - 1n, true]],
] as const);

function readNumber(reader: Reader, scalar: ScalarType): number | bigint {
  const range = ranges.get(scalar);
  if (range === undefined) return scalar === ScalarType.FLOAT ? Math.fround(readFloat(reader)) : readFloat(reader);
  const value = readInteger(reader, range[0], range[1]);
  return range[2] ? value : Number(value);
}

function readInteger(reader: Reader, low: bigint, high: bigint): bigint {
  const negative = accept(reader, '-');
  const { text, at } = reader.take();
  if (!/^(0[xX][0-9a-fA-F]+|\d{1,30})$/.test(text)) throw reader.fail(`expected a whole number, found '${text}'`, at);
  if (/^0\d/.test(text) && /[89]/.test(text)) throw reader.fail(`'${text}' is no octal number`, at);
  const magnitude = BigInt(/^0\d/.test(text) ? `0o${text.slice(1)}` : text);
  const value = negative ? -magnitude : magnitude;
  if (value < low || value > high) throw reader.fail(`${value} does not fit`, at);
  return value;
}

function readFloat(reader: Reader): number {
  const sign = accept(reader, '-') ? -1 : 1;
  const { text, kind, at } = reader.take();
  if (/^inf(inity)?f?$/i.test(text)) return sign * Number.POSITIVE_INFINITY;
  if (/^nan$/i.test(text)) return Number.NaN;
  const value = kind === 'number' ? Number(/^0[xX]/.test(text) ? text : text.replace(/[fF]$/, '')) : Number.NaN;
  if (Number.isNaN(value)) throw reader.fail(`expected a number, found '${text}'`, at);
  return sign * value;
}
