/** The first tab: what came out, what to look at. */
function overviewTab(data, show) {
  return element(
    'div',
    { class: 'overview' },
    element('div', { class: 'tiles' }, sizeTile(data), coverageTile(data), accuracyTile(data), speedTile(data)),
    warningList(data, show),
    element('div', { class: 'columns' }, worstLayers(data, show), keptTable(data, show)),
    factList(data),
  );
}

const tile = (title, main, ...rest) =>
  element('section', { class: 'tile' }, element('h2', {}, title), element('p', { class: 'main' }, main), ...rest);
const note = (...text) => element('p', { class: 'note' }, ...text);

function sizeTile({ size }) {
  if (size.reference === undefined) return tile('Size', format.bytes(size.model));
  return tile(
    'Size',
    format.bytes(size.model),
    shareBar(size.model / size.reference, 'size beside fp32'),
    note(`${(size.reference / size.model).toFixed(1)} times smaller than ${format.bytes(size.reference)} in fp32`),
  );
}

function coverageTile({ int8 }) {
  const share = int8.allMacs === 0 ? int8.nodes / Math.max(1, int8.of) : int8.macs / int8.allMacs;
  return tile(
    'In int8',
    format.percent(share),
    shareBar(share, 'share of the multiply-adds in int8'),
    note(`of the multiply-adds; ${int8.nodes} of ${int8.of} convolutions and matmuls`),
  );
}

function accuracyTile({ figures }) {
  if (figures.length === 0) return tile('Accuracy', '–', note('not measured: give --data with labels and --reference'));
  const [first] = figures;
  const change = first.reference === undefined ? undefined : first.model - first.reference;
  return tile(
    'Accuracy',
    format.figure(first.name, first.model),
    note(
      first.name,
      change === undefined ? '' : `, ${change < 0 ? '−' : '+'}${Math.abs(100 * change).toFixed(2)} points to fp32`,
    ),
    element(
      'dl',
      { class: 'figures' },
      ...figures
        .slice(1)
        .flatMap(({ name, model, reference }) => [
          element('dt', {}, name),
          element(
            'dd',
            {},
            format.figure(name, model),
            reference === undefined ? '' : ` (fp32 ${format.figure(name, reference)})`,
          ),
        ]),
    ),
  );
}

function speedTile({ speed }) {
  if (speed === undefined) return tile('Speed', '–', note('not measured: give --data'));
  if (speed.reference === undefined)
    return tile('Speed', format.time(speed.model), note(`a sample on the ${speed.backend} backend`));
  return tile(
    'Speed',
    format.time(speed.model),
    shareBar(speed.model / speed.reference, 'time beside fp32'),
    note(
      `${(speed.reference / speed.model).toFixed(1)} times as fast as fp32 (${format.time(speed.reference)}) on the ${speed.backend} backend`,
    ),
  );
}

function warningList({ warnings }, show) {
  if (warnings.length === 0) return undefined;
  return element(
    'section',
    { class: 'card warnings' },
    element('h2', {}, `${warnings.length} ${warnings.length === 1 ? 'warning' : 'warnings'}`),
    element(
      'ul',
      {},
      ...warnings.map(({ kind, node, text }) =>
        element(
          'li',
          {},
          element('span', { class: 'chip' }, kind),
          ' ',
          node === undefined ? undefined : nodeLink(node, show),
          node === undefined ? undefined : ' ',
          text,
        ),
      ),
    ),
  );
}

const nodeLink = (name, show, length = 60) =>
  element('button', { class: 'link', type: 'button', title: name, onclick: () => show(name) }, shorten(name, length));

function worstLayers({ layers }, show) {
  const worst = layers
    .filter((layer) => layer.sqnr !== null)
    .sort((a, b) => a.sqnr - b.sqnr)
    .slice(0, 12);
  return element(
    'section',
    { class: 'card' },
    element('h2', {}, 'Worst layers'),
    worst.length === 0
      ? note('not measured: give --reference and --data')
      : note('signal to quantization noise of what each layer gives, all before it in int8'),
    element(
      'ol',
      { class: 'ranking' },
      ...worst.map(({ layer, sqnr }) =>
        element(
          'li',
          {},
          nodeLink(layer, show, 40),
          noiseBar(sqnr),
          element('span', { class: 'value' }, format.dB(sqnr)),
        ),
      ),
    ),
  );
}

function keptTable({ fp32 }, show) {
  return element(
    'section',
    { class: 'card' },
    element('h2', {}, 'Stays in fp32'),
    fp32.length === 0
      ? note('nothing: every convolution and matmul is int8')
      : element(
          'div',
          { class: 'scroll' },
          element(
            'table',
            {},
            element(
              'thead',
              {},
              element('tr', {}, ...['node', 'op', 'because'].map((title) => element('th', { scope: 'col' }, title))),
            ),
            element(
              'tbody',
              {},
              ...fp32.map(({ node, op, reason }) =>
                element(
                  'tr',
                  {},
                  element('td', {}, nodeLink(node, show, 40)),
                  element('td', {}, op),
                  element('td', {}, reason),
                ),
              ),
            ),
          ),
        ),
  );
}

const factList = ({ facts }) =>
  facts.length === 0
    ? undefined
    : element(
        'section',
        { class: 'card' },
        element('h2', {}, 'How it was made'),
        element(
          'dl',
          { class: 'facts' },
          ...facts.flatMap(([label, text]) => [element('dt', {}, label), element('dd', {}, text)]),
        ),
      );

/** The third tab: every layer, sorted by any column. */
function layersTab({ layers }, show) {
  const columns = [
    ['layer', (row) => row.layer],
    ['op', (row) => row.op],
    ['SQNR', (row) => row.sqnr ?? Number.POSITIVE_INFINITY],
    ['largest error', (row) => -row.maxError],
    ...(layers.some((row) => row.alone !== undefined)
      ? [['alone in int8', (row) => row.alone ?? Number.POSITIVE_INFINITY]]
      : []),
  ];
  const body = element('tbody');
  const search = element('input', {
    type: 'search',
    placeholder: 'filter by name or op',
    'aria-label': 'Filter layers',
    oninput: () => refill(),
  });
  let sorted = { column: 2, sign: 1 };
  const heads = columns.map(([title], column) =>
    element(
      'th',
      { scope: 'col' },
      element('button', { type: 'button', class: 'sort', onclick: () => sortBy(column) }, title),
    ),
  );
  function sortBy(column) {
    sorted = { column, sign: sorted.column === column ? -sorted.sign : 1 };
    refill();
  }
  function refill() {
    const wanted = search.value.toLowerCase();
    const [, by] = columns[sorted.column];
    const rows = layers
      .filter((row) => `${row.layer} ${row.op}`.toLowerCase().includes(wanted))
      .sort((a, b) => sorted.sign * (by(a) < by(b) ? -1 : by(a) > by(b) ? 1 : 0));
    for (const [i, head] of heads.entries())
      head.setAttribute('aria-sort', i !== sorted.column ? 'none' : sorted.sign > 0 ? 'ascending' : 'descending');
    body.replaceChildren(
      ...rows.map((row) =>
        element(
          'tr',
          {},
          element('td', {}, nodeLink(row.layer, show, 70)),
          element('td', {}, row.op),
          element('td', { class: 'bar' }, noiseBar(row.sqnr), element('span', { class: 'value' }, format.dB(row.sqnr))),
          element('td', { class: 'right' }, format.number(row.maxError)),
          columns.length > 4 ? element('td', { class: 'right' }, format.dB(row.alone)) : undefined,
        ),
      ),
    );
  }
  refill();
  return element(
    'div',
    { class: 'layers' },
    element('div', { class: 'toolbar' }, search),
    element('table', { class: 'wide' }, element('thead', {}, element('tr', {}, ...heads)), body),
  );
}

/** The fourth tab, of `octet tune`: what was tried. */
function trialsTab({ trials }, show) {
  const head = ['', trials.metric, 'ops in fp32', 'outcome', 'seconds', 'which'];
  return element(
    'div',
    { class: 'layers' },
    element('section', { class: 'card' }, element('h2', {}, `${trials.metric} of each trial`), trialPlot(trials)),
    element(
      'table',
      { class: 'wide' },
      element('thead', {}, element('tr', {}, ...head.map((title) => element('th', { scope: 'col' }, title)))),
      element(
        'tbody',
        {},
        ...trials.rows.map(({ fp32, figure, seconds, outcome }, i) =>
          element(
            'tr',
            {},
            element('td', {}, String(i + 1)),
            element('td', { class: 'right' }, format.figure(trials.metric, figure)),
            element('td', { class: 'right' }, String(fp32.length)),
            element('td', {}, outcome),
            element('td', { class: 'right' }, seconds.toFixed(1)),
            element(
              'td',
              { class: 'names' },
              ...fp32.slice(0, 8).flatMap((name) => [nodeLink(name, show, 32), ' ']),
              fp32.length > 8 ? `and ${fp32.length - 8} more` : undefined,
            ),
          ),
        ),
      ),
    ),
  );
}
