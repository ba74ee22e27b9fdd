import { UserError } from '../../base/errors.ts';

/** The labels of each operand's axes and of the output's; axes under an ellipsis are '…1' (the last), '…2' and so on. */
export type Einsum = { readonly operands: readonly (readonly string[])[]; readonly output: readonly string[] };

/** Reads `ab,bc->ac`, `...ij->...ji`, `bij,bjk` (the output: labels that occur once, sorted). Throws `UserError`. */
export function parseEinsum(equation: string, ranks: readonly number[]): Einsum {
  const [left = '', right] = equation.replaceAll(' ', '').split('->');
  const terms = left.split(',');
  if (terms.length !== ranks.length || terms.length > 2)
    throw new UserError(`the equation '${equation}' does not fit ${ranks.length} operands`);
  const letters = (term: string) => term.replace('...', '').length;
  const hidden = terms.map((term, i) => (term.includes('...') ? ranks[i]! - letters(term) : 0));
  const most = Math.max(0, ...hidden);
  const spread = (term: string, axes: number): string[] => {
    const [before = '', after = ''] = term.split('...');
    const dots = Array.from({ length: axes }, (_, i) => `…${axes - i}`);
    return term.includes('...') ? [...before, ...dots, ...after] : [...before];
  };
  if (hidden.some((axes) => axes < 0)) throw new UserError(`the equation '${equation}' has more labels than axes`);
  const operands = terms.map((term, i) => spread(term, hidden[i]!));
  if (right !== undefined) return { operands, output: spread(right, most) };
  const all = operands.flat().filter((label) => !label.startsWith('…'));
  const once = all.filter((label) => all.indexOf(label) === all.lastIndexOf(label)).sort();
  return { operands, output: [...spread('...', most), ...once] };
}
