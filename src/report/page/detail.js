/** What is known of the selected node. */
const kinds = {
  int8: 'computed in int8',
  island: "fp32 in the file, int8 in octet's engine",
  convert: 'between fp32 and int8',
  fp32: 'convolution or matmul in fp32',
  other: 'other op, not in int8',
  end: 'input or output',
};

function detailOf(node, { data, stage, graph, index, values, reasons, select }) {
  if (node === undefined)
    return [
      element('p', { class: 'note' }, 'Choose a node to see its attributes, ranges and noise.'),
      legend(),
      data.time && element('p', { class: 'note' }, "The line at a node's foot: its time, beside the slowest one's."),
    ];
  const value = values.get(node.key);
  const from = node.from === undefined ? undefined : values.get(node.from);
  const reason = node.reason ?? reasons.get(node.name);
  const [took, tookFp32] = timesOf(data, node);
  return [
    element('h2', { class: 'title' }, ...breakable(node.name)),
    element('p', {}, element('span', { class: `chip ${node.kind}` }, node.op), ' ', kinds[node.kind]),
    reason === undefined
      ? undefined
      : element('p', { class: `reason ${node.kind}` }, `${node.kind === 'island' ? '' : 'Stays in fp32: '}${reason}.`),
    element(
      'dl',
      { class: 'facts' },
      ...pairs([
        ['gives', node.type],
        ['stands for', node.key === node.name ? undefined : node.key],
        ['takes', took === undefined ? undefined : takesText(took, sumOf(data.time.model))],
        ['took in fp32', tookFp32 === undefined ? undefined : format.time(tookFp32)],
        ['SQNR in', from?.sqnr === undefined ? undefined : format.dB(from.sqnr)],
        ['SQNR out', value?.sqnr === undefined ? undefined : format.dB(value.sqnr)],
        ['values', value?.min === undefined ? undefined : `${format.number(value.min)} … ${format.number(value.max)}`],
        [
          'int8 covers',
          value?.high === undefined ? undefined : `${format.number(value.low)} … ${format.number(value.high)}`,
        ],
        [
          'beyond it',
          value?.saturated === undefined
            ? undefined
            : value.saturated === 0
              ? 'nothing'
              : format.percent(value.saturated, 3),
        ],
      ]),
    ),
    section(
      'Values it gives, with the range of int8',
      value?.histogram === undefined ? undefined : histogramPlot(value),
    ),
    section('Weights of each output channel', node.weights === undefined ? undefined : channelPlot(node.weights)),
    section('Reads', neighbourList(graph.inputs(index), stage, select), constantList(node)),
    section('Read by', neighbourList(graph.readers(index), stage, select)),
    section(
      'Attributes',
      node.attrs.length === 0
        ? undefined
        : element(
            'table',
            { class: 'attributes' },
            element(
              'tbody',
              {},
              ...node.attrs.map(([name, text]) =>
                element('tr', {}, element('th', { scope: 'row' }, name), element('td', {}, text)),
              ),
            ),
          ),
    ),
  ];
}

/** What a node took, and what the fp32 value took that it stands for. */
function timesOf({ time }, node) {
  if (time === undefined || node.kind === 'convert') return [];
  const sum = (steps, isIt) => {
    const found = (steps ?? []).filter((step) => step.family !== 'conversion' && isIt(step));
    return found.length === 0 ? undefined : found.reduce((ms, step) => ms + step.ms, 0);
  };
  return [
    sum(time.model, (step) => step.node === node.name || step.key === node.key),
    sum(time.reference, (step) => step.key === node.key),
  ];
}

const takesText = (ms, all) => `${format.time(ms)}, ${format.percent(ms / all)} of all`;

/** Each node's time beside that of the slowest; undefined for what is no step of its own. */
function timeShares({ time }, { id }) {
  const steps = (id === 'a' ? time?.reference : time?.model) ?? [];
  const longest = Math.max(...steps.map(({ ms }) => ms));
  const times = new Map(steps.map(({ node, ms }) => [node, ms / longest]));
  return ({ name }) => times.get(name);
}

const pairs = (rows) =>
  rows
    .filter(([, text]) => text !== undefined && text !== '')
    .flatMap(([label, text]) => [element('dt', {}, label), element('dd', {}, text)]);

function section(title, ...content) {
  const there = content.filter((part) => part !== undefined);
  return there.length === 0 ? undefined : element('section', {}, element('h3', {}, title), ...there);
}

function neighbourList(indices, stage, select) {
  if (indices.length === 0) return undefined;
  const shown = indices.slice(0, 40);
  return element(
    'ul',
    { class: 'plain' },
    ...shown.map((i) =>
      element(
        'li',
        {},
        element(
          'button',
          { type: 'button', class: 'link', title: stage.nodes[i].name, onclick: () => select(i) },
          shorten(plainName(stage.nodes[i].name), 40),
        ),
        ' ',
        element('small', {}, stage.nodes[i].op),
      ),
    ),
    indices.length > shown.length ? element('li', {}, `and ${indices.length - shown.length} more`) : undefined,
  );
}

function constantList({ constants }) {
  if (constants.length === 0) return undefined;
  return element(
    'ul',
    { class: 'plain' },
    ...constants.map(([name, type]) =>
      element('li', { title: name }, shorten(plainName(name), 40), ' ', element('small', {}, type)),
    ),
  );
}

function legend() {
  return element(
    'ul',
    { class: 'plain legend' },
    ...Object.entries(kinds).map(([kind, text]) =>
      element('li', {}, element('span', { class: `swatch ${kind}` }), text),
    ),
  );
}
