import { type Matcher, RE2JS } from 're2js';
import { messageOf, UserError } from '../../base/errors.ts';
import { type Tensor, tensor } from '../../base/tensor.ts';
import { decode, encode, mapStrings, stringsOf } from './text.ts';

/** Compiles RE2's syntax; matching takes time linear in the text, whatever the pattern. */
function compile(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    throw new UserError(`can't read the regular expression '${pattern}': ${messageOf(error)}`);
  }
}

/** Whether each element matches as a whole. */
export function fullMatch(input: Tensor, pattern: string): Tensor {
  const re = compile(pattern);
  const found = stringsOf(input).map((bytes) => (re.matches(decode(bytes)) ? 1 : 0));
  return tensor('bool', input.shape, Uint8Array.from(found));
}

/** RE2::GlobalReplace, or RE2::Replace: `\1` in `rewrite` is a group, `\0` all that matched, `\\` a backslash. */
export function replace(input: Tensor, pattern: string, rewrite: string, isGlobal: boolean): Tensor {
  const re = compile(pattern);
  const parts = rewriteParts(rewrite, re.groupCount());
  return mapStrings(input, (bytes) => encode(replaceIn(decode(bytes), re, parts, isGlobal)));
}

function replaceIn(text: string, re: RE2JS, parts: readonly (string | number)[], isGlobal: boolean): string {
  const matcher = re.matcher(text);
  let out = '';
  let at = 0;
  let lastEnd = -1;
  while (at <= text.length && matcher.find(at)) {
    const [start, end] = [matcher.start(), matcher.end()];
    out += text.slice(at, start);
    if (start === lastEnd && start === end) {
      // No empty match where the last one ended: one character further on.
      const char = String.fromCodePoint(text.codePointAt(start) ?? 0);
      if (start >= text.length) return out;
      out += char;
      at = start + char.length;
      lastEnd = -1;
      continue;
    }
    out += parts.map((part) => (typeof part === 'string' ? part : group(matcher, part))).join('');
    at = end;
    lastEnd = end;
    if (!isGlobal) break;
  }
  return out + text.slice(at);
}

const group = (matcher: Matcher, i: number): string => matcher.group(i) ?? '';

function rewriteParts(rewrite: string, groups: number): (string | number)[] {
  return [...rewrite.matchAll(/\\(.?)|[^\\]+/gs)].map(([text, escaped]) => {
    if (escaped === undefined) return text;
    if (escaped === '\\') return '\\';
    if (!/^\d$/.test(escaped) || Number(escaped) > groups)
      throw new UserError(`'${rewrite}' is no rewrite for a regular expression with ${groups} groups`);
    return Number(escaped);
  });
}
