import { type DescEnum, type DescField, type DescMessage, type MessageShape, ScalarType } from '@bufbuild/protobuf';
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';

/** A message in protobuf's text format (`.pbtxt`), as TensorFlow prints it. Unknown fields have no text and are left out. */
export function printText<D extends DescMessage>(schema: D, message: MessageShape<D>): string {
  const lines: string[] = [];
  printFields(reflect(schema, message), '', lines);
  return lines.join('');
}

function printFields(message: ReflectMessage, indent: string, lines: string[]): void {
  const fields = [...message.desc.fields].sort((a, b) => a.number - b.number);
  for (const field of fields) {
    if (!message.isSet(field)) continue;
    if (field.fieldKind === 'list') {
      for (const item of message.get(field)) printField(field, item, indent, lines);
    } else printField(field, message.get(field), indent, lines);
  }
}

function printField(field: DescField, value: unknown, indent: string, lines: string[]): void {
  if (isMessage(field)) {
    lines.push(`${indent}${field.name} {\n`);
    printFields(value as ReflectMessage, `${indent}  `, lines);
    lines.push(`${indent}}\n`);
  } else lines.push(`${indent}${field.name}: ${printScalar(field, value)}\n`);
}

const isMessage = (field: DescField): boolean =>
  field.fieldKind === 'message' || (field.fieldKind === 'list' && field.listKind === 'message');

function printScalar(field: DescField, value: unknown): string {
  const { enum: desc, scalar } = field as { enum?: DescEnum; scalar?: ScalarType };
  if (desc !== undefined) return desc.values.find(({ number }) => number === value)?.name ?? String(value);
  if (scalar === ScalarType.STRING) return quoted(Buffer.from(value as string, 'utf8'));
  if (scalar === ScalarType.BYTES) return quoted(value as Uint8Array);
  if (scalar === ScalarType.FLOAT || scalar === ScalarType.DOUBLE) return printFloat(value as number, scalar);
  return String(value);
}

/** The shortest digits that give the number back. */
function printFloat(value: number, scalar: ScalarType): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Object.is(value, -0)) return '-0';
  if (scalar === ScalarType.DOUBLE) return String(value);
  for (let digits = 6; digits < 9; digits++) {
    const text = String(Number(value.toPrecision(digits)));
    if (Math.fround(Number(text)) === value) return text;
  }
  return String(Number(value.toPrecision(9)));
}

/** How each byte is printed: letters as they are, the rest escaped, octal where there is no shorter way. */
const printed: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const short = new Map([
    [10, '\\n'],
    [13, '\\r'],
    [9, '\\t'],
    [34, '\\"'],
    [39, "\\'"],
    [92, '\\\\'],
  ]).get(byte);
  if (short !== undefined) return short;
  return byte >= 32 && byte < 127 ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, '0')}`;
});

function quoted(bytes: Uint8Array): string {
  // In pieces: a weight's bytes are millions of parts.
  const pieces: string[] = [];
  for (let start = 0; start < bytes.length; start += 8192)
    pieces.push(Array.from(bytes.subarray(start, start + 8192), (byte) => printed[byte]).join(''));
  return `"${pieces.join('')}"`;
}
