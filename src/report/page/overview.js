/** The first tab: what came out, what to look at. */
function overviewTab(data, show) {
  return element(
    'div',
    { class: 'overview' },
    element('div', { class: 'tiles' }, sizeTile(data), coverageTile(data), accuracyTile(data), speedTile(data)),
    warningList(data, show),
    noiseCard(data, show),
    element(
      'div',
      { class: 'columns' },
      timeCard(data, show),
      element('div', { class: 'stack' }, worstLayers(data, show), keptTable(data, show)),
    ),
    factList(data),
  );
}

/** Noise from the input to the outputs, layer by layer. */
function noiseCard({ layers }, show) {
  const drawn = layers.filter(({ sqnr }) => sqnr !== null);
  if (drawn.length < 2) return undefined;
  return element(
    'section',
    { class: 'card' },
    element('h2', {}, 'Noise on the way through the network'),
    note('SQNR of each layer in the order of the graph: higher is nearer to fp32; choose a point to see the layer'),
    noisePlot(drawn, show),
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
    note(`${format.times(size.reference / size.model)} smaller than ${format.bytes(size.reference)} in fp32`),
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

const figureNames = { sqnr: 'SQNR', agreement: 'same answer' };
const figureName = (name) => figureNames[name] ?? name;

function accuracyTile({ figures, samples }) {
  if (figures.length === 0) return tile('Accuracy', '–', note('not measured: give --data with labels and --reference'));
  const [first, ...others] = figures;
  const change = first.reference === undefined ? undefined : first.model - first.reference;
  const label = { sqnr: 'signal to noise of the outputs, beside fp32', agreement: 'of the answers are those of fp32' };
  return tile(
    'Accuracy',
    format.figure(first.name, first.model),
    note(
      label[first.name] ?? first.name,
      change === undefined ? '' : `, ${changeText(change)} ${format.figure(first.name, first.reference)} in fp32`,
    ),
    others.length === 0
      ? undefined
      : element(
          'dl',
          { class: 'figures' },
          ...others.flatMap(({ name, model, reference }) => [
            element('dt', {}, figureName(name)),
            element(
              'dd',
              {},
              format.figure(name, model),
              reference === undefined ? '' : element('small', {}, ` fp32 ${format.figure(name, reference)}`),
            ),
          ]),
        ),
    samples === undefined ? undefined : note(`${samples} samples`),
  );
}

const changeText = (change) =>
  change === 0 ? 'the same as' : `${Math.abs(100 * change).toFixed(2)} points ${change < 0 ? 'below' : 'above'}`;

function speedTile({ speed }) {
  if (speed === undefined) return tile('Speed', '–', note('not measured: give --data to run on'));
  const how = note(`${speed.backend} backend, median of ${speed.runs} runs`);
  if (speed.reference === undefined) return tile('Speed', format.time(speed.model), note('a sample'), how);
  const gain = speed.reference / speed.model;
  return tile(
    'Speed',
    format.time(speed.model),
    shareBar(speed.model / speed.reference, 'time beside fp32'),
    note(
      Math.abs(gain - 1) < 0.05
        ? `as fast as fp32, which takes ${format.time(speed.reference)}`
        : gain > 1
          ? `${format.times(gain)} as fast as fp32, which takes ${format.time(speed.reference)}`
          : `slower than fp32, which takes ${format.time(speed.reference)}`,
    ),
    how,
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
  element(
    'button',
    { class: 'link', type: 'button', title: name, onclick: () => show(name) },
    shorten(plainName(name), length),
  );

function worstLayers({ layers }, show) {
  const worst = layers
    .filter((layer) => layer.sqnr !== null)
    .sort((a, b) => a.sqnr - b.sqnr)
    .slice(0, 8);
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

/** Convolutions and matmuls that stay in fp32 one by one, other ops by the reason; apart, what only the file has in fp32. */
function keptTable({ fp32, stages }, show) {
  const nodes = stages.find(({ id }) => id === 'c')?.nodes ?? [];
  const others = byReason(nodes.filter(({ kind }) => kind !== 'fp32' && kind !== 'island'));
  const islands = byReason(nodes.filter(({ kind }) => kind === 'island'));
  const heads = ['node', 'op', 'because'].map((title) => element('th', { scope: 'col' }, title));
  const row = ({ node, op, reason }) =>
    element('tr', {}, element('td', {}, nodeLink(node, show, 40)), element('td', {}, op), element('td', {}, reason));
  return element(
    'section',
    { class: 'card' },
    element('h2', {}, 'Stays in fp32'),
    fp32.length === 0
      ? note('no convolution or matmul: all are int8')
      : element(
          'div',
          { class: 'scroll' },
          element(
            'table',
            {},
            element('thead', {}, element('tr', {}, ...heads)),
            element('tbody', {}, ...fp32.map(row)),
          ),
        ),
    ...(others.size === 0 ? [] : [element('h3', {}, 'Other ops in fp32'), reasonList(others, show)]),
    ...(islands.size === 0
      ? []
      : [element('h3', {}, "In octet's engine int8 all the same"), reasonList(islands, show)]),
  );
}

/** Names by the reason why they are in fp32. */
function byReason(nodes) {
  const found = new Map();
  for (const { name, reason } of nodes)
    if (reason !== undefined) found.set(reason, [...(found.get(reason) ?? []), name]);
  return found;
}

const reasonList = (reasons, show) =>
  element(
    'ul',
    { class: 'plain scroll' },
    ...[...reasons].map(([reason, names]) =>
      element(
        'li',
        {},
        `${reason}: `,
        nodeLink(names[0], show, 40),
        names.length === 1 ? undefined : element('small', {}, ` and ${names.length - 1} more`),
      ),
    ),
  );

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
