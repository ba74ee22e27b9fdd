import { UserError } from '../../base/errors.ts';

/** A token of protobuf's text format: a name, a number, quoted text (as bytes), or a mark. */
export type Token =
  | { readonly kind: 'name' | 'number' | 'mark'; readonly text: string; readonly at: number }
  | { readonly kind: 'text'; readonly bytes: Uint8Array; readonly text: string; readonly at: number }
  | { readonly kind: 'end'; readonly text: ''; readonly at: number };

/** One alternative a kind; blanks and comments are skipped before. */
const blanks = /(?:\s|#[^\n]*)*/y;
const name = /[A-Za-z_][A-Za-z0-9_]*/y;
const number = /(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fF]?)/y;
const mark = /[{}<>[\]:;,./-]/y;

/** Reads tokens one after another. `fail` gives the error for a place in the text, by its line. */
export function tokens(text: string, file?: string) {
  let at = 0;
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    if (found !== undefined) at += found.length;
    return found;
  };
  const fail = (what: string, where: number): UserError => {
    const line = text.slice(0, where).split('\n').length;
    return new UserError(
      `line ${line}: ${what}`,
      file === undefined ? {} : { file },
      'it is not protobuf text of this kind',
    );
  };
  const read = (): Token => {
    match(blanks);
    const start = at;
    if (start >= text.length) return { kind: 'end', text: '', at: start };
    for (const [kind, pattern] of [
      ['name', name],
      ['number', number],
      ['mark', mark],
    ] as const) {
      const found = match(pattern);
      // `.5` is a number, a lone point a mark; numbers come first.
      if (found !== undefined) return { kind, text: found, at: start };
    }
    const end = endOfQuoted(text, start);
    if (end === undefined) throw fail(`unexpected ${JSON.stringify(text.slice(start, start + 10))}`, start);
    at = end;
    const bytes = unescaped(text.slice(start + 1, end - 1), (what) => fail(what, start));
    return { kind: 'text', text: 'quoted text', bytes, at: start };
  };
  let next = read();
  return {
    peek: (): Token => next,
    take: (): Token => {
      const token = next;
      next = read();
      return token;
    },
    fail,
  };
}

/** Where quoted text that starts at `start` ends; by hand, for a weight's millions of characters overflow a pattern's stack. */
function endOfQuoted(text: string, start: number): number | undefined {
  const quote = text[start];
  if (quote !== '"' && quote !== "'") return undefined;
  for (let at = start + 1; at < text.length; at++) {
    const char = text[at];
    if (char === quote) return at + 1;
    if (char === '\n') return undefined;
    if (char === '\\') at++;
  }
  return undefined;
}

const simple: ReadonlyMap<string, number> = new Map([
  ['n', 10],
  ['r', 13],
  ['t', 9],
  ['a', 7],
  ['b', 8],
  ['f', 12],
  ['v', 11],
  ['\\', 92],
  ["'", 39],
  ['"', 34],
  ['?', 63],
]);

const encoder = new TextEncoder();

/** The bytes that the inside of a quoted text stands for; what is not escaped is UTF-8. */
function unescaped(text: string, fail: (what: string) => UserError): Uint8Array {
  if (!text.includes('\\')) return encoder.encode(text);
  // UTF-8 takes at most three bytes a unit of the text.
  const out = new Uint8Array(text.length * 3);
  let end = 0;
  const pattern = /\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([\s\S]))|[^\\]+/g;
  for (const [whole, octal, hex, unit, point, char] of text.matchAll(pattern)) {
    if (octal !== undefined) out[end++] = Number.parseInt(octal, 8) & 255;
    else if (hex !== undefined) out[end++] = Number.parseInt(hex, 16);
    else if (unit !== undefined || point !== undefined) {
      const code = Number.parseInt((unit ?? point)!, 16);
      if (code > 0x10ffff) throw fail(`no such character: ${whole}`);
      end += encoder.encodeInto(String.fromCodePoint(code), out.subarray(end)).written;
    } else if (char !== undefined) {
      const byte = simple.get(char);
      if (byte === undefined) throw fail(`unknown escape ${whole}`);
      out[end++] = byte;
    } else end += encoder.encodeInto(whole, out.subarray(end)).written;
  }
  return out.slice(0, end);
}
