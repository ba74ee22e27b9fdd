/** The tab of layers: noise and largest error of each. */
function layersTab({ layers }, show) {
  const noise = (sqnr) => sqnr ?? Number.POSITIVE_INFINITY;
  return sortableTable({
    label: 'Filter layers',
    rows: layers,
    text: ({ layer, op }) => `${layer} ${op}`,
    foot: layers.length === 0 ? note('not measured: give --reference and --data') : undefined,
    columns: [
      {
        title: 'SQNR',
        by: ({ sqnr }) => noise(sqnr),
        class: 'bar',
        cell: ({ sqnr }) => [noiseBar(sqnr), element('span', { class: 'value' }, format.dB(sqnr))],
      },
      { title: 'layer', by: ({ layer }) => layer, cell: ({ layer }) => nodeLink(layer, show, 70) },
      { title: 'op', by: ({ op }) => op, cell: ({ op }) => op },
      {
        title: 'largest error',
        by: ({ maxError }) => maxError,
        most: true,
        class: 'right',
        cell: ({ maxError }) => format.number(maxError),
      },
      ...(layers.some(({ alone }) => alone !== undefined)
        ? [
            {
              title: 'outputs, this alone in int8',
              by: ({ alone }) => noise(alone),
              class: 'right',
              cell: ({ alone }) => format.dB(alone),
            },
          ]
        : []),
    ],
  });
}

/** The tab of `octet tune`: what was tried. */
function trialsTab({ trials }, show) {
  const head = ['', trials.metric, 'ops in fp32', 'outcome', 'seconds', 'which'];
  const heads = head.map((title) => element('th', { scope: 'col' }, title));
  const row = ({ fp32, figure, seconds, outcome }, i) =>
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
    );
  return element(
    'div',
    { class: 'layers' },
    element('section', { class: 'card' }, element('h2', {}, `${trials.metric} of each trial`), trialPlot(trials)),
    element(
      'div',
      { class: 'card wide' },
      element(
        'table',
        {},
        element('thead', {}, element('tr', {}, ...heads)),
        element('tbody', {}, ...trials.rows.map(row)),
      ),
    ),
  );
}
