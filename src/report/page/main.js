/** Puts the tabs together. */
function start(data) {
  const values = new Map(data.values.map((value) => [value.key, value]));
  findScope(data.stages.flatMap(({ nodes }) => nodes.map(({ name }) => name)));
  const reasons = new Map(data.fp32.map(({ node, reason }) => [node, reason]));
  const tabs = [
    ['overview', 'Overview', () => overviewTab(data, show)],
    ['graph', 'Graph', () => graphPanel],
    ['layers', 'Layers', () => layersTab(data, show)],
    ...(data.time === undefined ? [] : [['time', 'Time', () => timeTab(data, show)]]),
    ...(data.trials === undefined ? [] : [['trials', 'Trials', () => trialsTab(data, show)]]),
  ];

  const detail = element('aside', {
    class: 'detail',
    'aria-live': 'polite',
    'aria-label': 'The selected node',
    tabindex: 0,
  });
  let stage;
  const graph = graphView((node, index) => {
    history.replaceState(null, '', node === undefined ? '#graph' : `#graph/${encodeURIComponent(node.name)}`);
    detail.scrollTop = 0;
    detail.replaceChildren(
      ...detailOf(node, { data, stage, graph, index, values, reasons, select: (i) => graph.select(i, true) }).filter(
        Boolean,
      ),
    );
  });
  const search = element('input', {
    type: 'search',
    placeholder: 'find nodes  ( / )',
    'aria-label': 'Find nodes by name or op',
    oninput: () => find(),
    onkeydown: (event) => onSearchKey(event),
  });
  const count = element('output', { class: 'count' });
  const stageNote = element('span', { class: 'note' });
  const stageButtons = data.stages.map((each) =>
    element('button', { type: 'button', 'aria-pressed': 'false', onclick: () => setStage(each) }, each.title),
  );
  const tool = (label, title, onclick) =>
    element('button', { type: 'button', title, 'aria-label': title, onclick }, label);
  const graphPanel = element(
    'div',
    { class: 'graph-panel' },
    element(
      'div',
      { class: 'toolbar' },
      element('div', { class: 'group', role: 'group', 'aria-label': 'Stage' }, ...stageButtons),
      search,
      count,
      element(
        'div',
        { class: 'group' },
        tool('−', 'Zoom out (−)', () => graph.zoom(0.8)),
        tool('+', 'Zoom in (+)', () => graph.zoom(1.25)),
        tool('All', 'Show all (0)', () => graph.fit()),
      ),
      stageNote,
    ),
    element('div', { class: 'canvas' }, graph.view, graph.map),
    detail,
  );

  let found = [];
  let at = -1;
  function find() {
    const wanted = search.value.trim().toLowerCase();
    found =
      wanted === ''
        ? []
        : stage.nodes.flatMap((node, i) => (`${node.name} ${node.op}`.toLowerCase().includes(wanted) ? [i] : []));
    at = -1;
    graph.mark(new Set(found));
    count.textContent = wanted === '' ? '' : `${found.length} found`;
  }
  function onSearchKey(event) {
    if (event.key === 'Enter' && found.length > 0) {
      at = (at + (event.shiftKey ? found.length - 1 : 1)) % found.length;
      graph.select(found[at], true);
      count.textContent = `${at + 1} of ${found.length}`;
    } else if (event.key === 'Escape') {
      search.value = '';
      find();
      graph.view.focus();
    }
  }

  function setStage(next) {
    stage = next;
    for (const [i, button] of stageButtons.entries())
      button.setAttribute('aria-pressed', String(data.stages[i] === next));
    stageNote.textContent = next.note;
    graph.draw(next);
    graph.select(-1);
    find();
  }

  /** The int8 op that stands for `name`, or the node of that name, in the stage that has it: the last ones first. */
  function show(name) {
    const order = [stage, ...data.stages.toReversed()].filter(Boolean);
    for (const matches of [
      (node) => node.key === name && node.kind === 'int8',
      (node) => node.name === name,
      (node) => node.key === name,
    ]) {
      const where = order.find((each) => each.nodes.some(matches));
      if (where === undefined) continue;
      open('graph');
      if (where !== stage) setStage(where);
      graph.select(where.nodes.findIndex(matches), true);
      graph.view.focus();
      return;
    }
  }

  const main = element('main', { id: 'panel', role: 'tabpanel', tabindex: -1 });
  const tabButtons = tabs.map(([id, title]) =>
    element(
      'button',
      {
        type: 'button',
        role: 'tab',
        id: `tab-${id}`,
        'aria-controls': 'panel',
        onclick: () => open(id),
        onkeydown: (event) => onTabKey(event),
      },
      title,
    ),
  );
  const made = new Map();
  function open(id) {
    tabs.forEach(([each, , make], i) => {
      const isOpen = each === id;
      tabButtons[i].setAttribute('aria-selected', String(isOpen));
      tabButtons[i].tabIndex = isOpen ? 0 : -1;
      if (!isOpen) return;
      if (!made.has(id)) made.set(id, make());
      main.replaceChildren(made.get(id));
      main.setAttribute('aria-labelledby', `tab-${id}`);
    });
    main.dataset.view = id;
    if (id === 'graph' && stage === undefined && data.stages.length > 0)
      setStage(data.stages.find(({ id }) => id === 'c') ?? data.stages.at(-1));
    else if (id === 'graph') graph.redraw();
    history.replaceState(null, '', `#${id}`);
  }
  function onTabKey(event) {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (by === undefined) return;
    const next = (tabButtons.indexOf(event.currentTarget) + by + tabs.length) % tabs.length;
    open(tabs[next][0]);
    tabButtons[next].focus();
  }

  const themes = { light: 'dark', dark: 'light' };
  const preferred = () => (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
  const toggle = element(
    'button',
    {
      type: 'button',
      class: 'theme',
      title: 'Light or dark',
      'aria-label': 'Light or dark',
      onclick: () => {
        document.documentElement.dataset.theme = themes[document.documentElement.dataset.theme ?? preferred()];
        graph.redraw();
      },
    },
    '◐',
  );

  document.addEventListener('keydown', (event) => {
    const isTyping = event.target instanceof HTMLInputElement;
    if (event.key !== '/' || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    if (main.dataset.view !== 'graph') open('graph');
    search.focus();
  });
  window.addEventListener('resize', () => graph.redraw());

  document
    .querySelector('#app')
    .append(
      element(
        'header',
        {},
        element('h1', {}, data.title),
        element('div', { role: 'tablist', 'aria-label': 'Views' }, ...tabButtons),
        toggle,
      ),
      main,
    );
  const [view, name] = location.hash.slice(1).split('/').map(decodeURIComponent);
  open(tabs.some(([id]) => id === view) ? view : 'overview');
  if (name !== undefined) show(name);
}

start(JSON.parse(document.querySelector('#data').textContent));
