/** Puts the page together. */
function start(data) {
  findScope(data.stages.flatMap(({ nodes }) => nodes.map(({ name }) => name)));
  const panel = graphPanelOf(data);
  const show = (name) => showNode(data, panel, tabs, name);
  const ways = [
    ['overview', 'Overview', () => overviewTab(data, show)],
    ['graph', 'Graph', () => panel.element],
    ['layers', 'Layers', () => layersTab(data, show)],
    ...(data.time === undefined ? [] : [['time', 'Time', () => timeTab(data, show)]]),
    ...(data.trials === undefined ? [] : [['trials', 'Trials', () => trialsTab(data, show)]]),
  ];
  const tabs = tabsOf(ways, (id) => {
    if (id !== 'graph') return;
    if (panel.stage() === undefined && data.stages.length > 0)
      panel.setStage(data.stages.find((stage) => stage.id === 'c') ?? data.stages.at(-1));
    else panel.graph.redraw();
  });

  document.addEventListener('keydown', (event) => {
    const isTyping = event.target instanceof HTMLInputElement;
    if (event.key !== '/' || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    if (tabs.panel.dataset.view !== 'graph') tabs.open('graph');
    panel.focusSearch();
  });
  window.addEventListener('resize', () => panel.graph.redraw());

  const header = element('header', {}, element('h1', {}, data.title), tabs.list, themeButton(panel.graph.redraw));
  document.querySelector('#app').append(header, tabs.panel);
  const [view, name] = location.hash.slice(1).split('/').map(decodeURIComponent);
  tabs.open(ways.some(([id]) => id === view) ? view : 'overview');
  if (name !== undefined) show(name);
}

/** The int8 op that stands for `name`, or the node of that name, in the stage that has it: the last ones first. */
function showNode(data, panel, tabs, name) {
  const order = [panel.stage(), ...data.stages.toReversed()].filter(Boolean);
  for (const matches of [
    (node) => node.key === name && node.kind === 'int8',
    (node) => node.name === name,
    (node) => node.key === name,
  ]) {
    const where = order.find((each) => each.nodes.some(matches));
    if (where === undefined) continue;
    tabs.open('graph');
    if (where !== panel.stage()) panel.setStage(where);
    panel.graph.select(where.nodes.findIndex(matches), true);
    panel.graph.view.focus();
    return;
  }
}

start(JSON.parse(document.querySelector('#data').textContent));
