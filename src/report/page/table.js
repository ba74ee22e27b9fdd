/**
 * A table that is sorted by any column, with a field to filter its rows. A column has a `title`, `by` (what to sort by,
 * ascending at first, or with `most` descending), `cell` (what it shows) and a `class`.
 */
function sortableTable({ columns, rows, text, first = 0, label, foot }) {
  const body = element('tbody');
  const search = element('input', {
    type: 'search',
    placeholder: 'filter by name or op',
    'aria-label': label,
    oninput: () => refill(),
  });
  const signOf = (column) => (columns[column].most ? -1 : 1);
  let sorted = { column: first, sign: signOf(first) };
  const heads = columns.map(({ title, class: kind }, column) =>
    element(
      'th',
      { scope: 'col', class: kind },
      element('button', { type: 'button', class: 'sort', onclick: () => sortBy(column) }, title),
    ),
  );
  function sortBy(column) {
    sorted = { column, sign: sorted.column === column ? -sorted.sign : signOf(column) };
    refill();
  }
  function refill() {
    const wanted = search.value.toLowerCase();
    const { by } = columns[sorted.column];
    const shown = rows
      .filter((row) => text(row).toLowerCase().includes(wanted))
      .sort((a, b) => sorted.sign * (by(a) < by(b) ? -1 : by(a) > by(b) ? 1 : 0));
    for (const [i, head] of heads.entries())
      head.setAttribute('aria-sort', i !== sorted.column ? 'none' : sorted.sign > 0 ? 'ascending' : 'descending');
    body.replaceChildren(
      ...shown.map((row) =>
        element('tr', {}, ...columns.map(({ cell, class: kind }) => element('td', { class: kind }, cell(row)))),
      ),
    );
  }
  refill();
  return element(
    'div',
    { class: 'layers' },
    element('div', { class: 'toolbar' }, search, foot),
    element(
      'div',
      { class: 'card wide' },
      element('table', {}, element('thead', {}, element('tr', {}, ...heads)), body),
    ),
  );
}
