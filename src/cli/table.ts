/** Columns of text, numbers to the right; the first row is the heading. */
export function table(rows: readonly (readonly (string | number)[])[]): string {
  const cells = rows.map((row) => row.map(String));
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const isNumber = widths.map((_, column) =>
    rows.slice(1).every((row) => /^[-+]?[\d.,]*\s?\S?$/.test(String(row[column] ?? ''))),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => (isNumber[column] ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd();
  return [line(cells[0]!), widths.map((width) => '─'.repeat(width)).join('  '), ...cells.slice(1).map(line)].join('\n');
}

export const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
export const decibels = (dB: number): string => (dB === Number.POSITIVE_INFINITY ? 'equal' : `${dB.toFixed(1)} dB`);
export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
