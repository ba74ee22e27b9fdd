/** Where the time goes. */

const families = ['convolution', 'depthwise', 'matmul', 'pooling', 'conversion', 'other', 'reference kernel'];
const familyClass = (family) => `family-${family.replace(/ .*/, '')}`;
const sumOf = (steps) => steps.reduce((ms, step) => ms + step.ms, 0);
const timeOf = (steps, family) => sumOf(steps.filter((step) => step.family === family));

/** One bar a model, both on one scale, and what each kind of step takes. */
function timeCard({ time }, show) {
  if (time === undefined)
    return element(
      'section',
      { class: 'card' },
      element('h2', {}, 'Where the time goes'),
      note('not measured: it takes data to run on, and a processor that runs generated code'),
    );
  const runs = [
    ...(time.reference === undefined ? [] : [['fp32', time.reference]]),
    [time.reference ? 'int8' : '', time.model],
  ];
  const longest = Math.max(...runs.map(([, steps]) => sumOf(steps)));
  const there = families.filter((family) => runs.some(([, steps]) => steps.some((step) => step.family === family)));
  return element(
    'section',
    { class: 'card' },
    element('h2', {}, 'Where the time goes'),
    note(`each step alone, on ${time.machine}`),
    element(
      'div',
      { class: 'runs' },
      ...runs.flatMap(([name, steps]) => [
        element('span', { class: 'note' }, name),
        stackedBar(
          there.map((family) => [familyClass(family), timeOf(steps, family), family]),
          longest,
        ),
        element('span', { class: 'value' }, format.time(sumOf(steps))),
      ]),
    ),
    familyTable(there, runs),
    slowest(time, show),
  );
}

function familyTable(there, runs) {
  const heads = ['', ...runs.map(([name]) => name || 'time')].map((title) =>
    element('th', { scope: 'col', class: title === '' ? '' : 'right' }, title),
  );
  const row = (family) => {
    const times = runs.map(([, steps]) => timeOf(steps, family));
    return element(
      'tr',
      {},
      element('td', {}, element('span', { class: `swatch ${familyClass(family)}` }), family),
      ...times.map((ms) => element('td', { class: 'right' }, ms === 0 ? '–' : format.time(ms))),
    );
  };
  return element(
    'table',
    { class: 'families' },
    element('thead', {}, element('tr', {}, ...heads)),
    element('tbody', {}, ...there.map(row)),
  );
}

function slowest({ model }, show) {
  const total = sumOf(model);
  const rows = [...model].sort((a, b) => b.ms - a.ms).slice(0, 5);
  return element(
    'div',
    {},
    element('h3', {}, 'The slowest steps'),
    element(
      'ol',
      { class: 'ranking' },
      ...rows.map((step) =>
        element(
          'li',
          {},
          nodeLink(step.node, show, 40),
          shareBar(step.ms / rows[0].ms, 'time', familyClass(step.family)),
          element('span', { class: 'value' }, format.percent(step.ms / total)),
        ),
      ),
    ),
  );
}

/** The fp32 step that computes what an int8 step does. */
function fp32Steps({ reference }) {
  const found = new Map();
  for (const { key, ms } of reference ?? []) found.set(key, (found.get(key) ?? 0) + ms);
  return ({ family, key }) => (family === 'conversion' ? undefined : found.get(key));
}

/** The tab of steps: every one, sorted by any column. */
function timeTab({ time }, show) {
  const total = sumOf(time.model);
  const longest = Math.max(...time.model.map((step) => step.ms));
  const before = fp32Steps(time);
  const gain = (step) => (before(step) === undefined ? undefined : before(step) / step.ms);
  const orDash = (x, text) => (x === undefined ? '–' : text(x));
  return sortableTable({
    label: 'Filter steps',
    rows: time.model,
    text: ({ node, kernel }) => `${node} ${kernel}`,
    foot: note(`each step alone, on ${time.machine}; ${format.time(total)} in all`),
    columns: [
      {
        title: 'time',
        by: (step) => step.ms,
        most: true,
        class: 'bar',
        cell: (step) => [
          shareBar(step.ms / longest, 'time', familyClass(step.family)),
          element('span', { class: 'value' }, format.time(step.ms)),
        ],
      },
      {
        title: 'of all',
        by: (step) => step.ms,
        most: true,
        class: 'right',
        cell: (step) => format.percent(step.ms / total),
      },
      { title: 'step', by: (step) => step.node, cell: (step) => nodeLink(step.node, show, 60) },
      { title: 'kernel', by: (step) => step.kernel, cell: (step) => step.kernel },
      ...(time.reference === undefined
        ? []
        : [
            {
              title: 'in fp32',
              by: (step) => before(step) ?? 0,
              most: true,
              class: 'right',
              cell: (step) => orDash(before(step), format.time),
            },
            {
              title: 'faster',
              by: (step) => gain(step) ?? Number.POSITIVE_INFINITY,
              class: 'right',
              cell: (step) => orDash(gain(step), format.times),
            },
          ]),
      {
        title: "of the processor's limit",
        by: (step) => step.share ?? 2,
        class: 'right',
        cell: (step) => orDash(step.share, (x) => format.percent(x, 0)),
      },
    ],
  });
}
