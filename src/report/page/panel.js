/** The tab of the graph: stages, search, the drawing, and what is known of the selected node. */
function graphPanelOf(data) {
  const values = new Map(data.values.map((value) => [value.key, value]));
  const reasons = new Map(data.fp32.map(({ node, reason }) => [node, reason]));
  let stage;
  const detail = element('aside', {
    class: 'detail',
    'aria-live': 'polite',
    'aria-label': 'The selected node',
    tabindex: 0,
  });
  const select = (i) => graph.select(i, true);
  const graph = graphView(
    (next) => timeShares(data, next),
    (node, index) => {
      history.replaceState(null, '', node === undefined ? '#graph' : `#graph/${encodeURIComponent(node.name)}`);
      detail.scrollTop = 0;
      const parts = detailOf(node, { data, stage, graph, index, values, reasons, select });
      detail.replaceChildren(...parts.filter(Boolean));
    },
  );
  const search = searchBox(graph, () => stage.nodes);
  const stageNote = element('span', { class: 'note' });
  const stageButtons = data.stages.map((each) =>
    element('button', { type: 'button', 'aria-pressed': 'false', onclick: () => setStage(each) }, each.title),
  );

  function setStage(next) {
    stage = next;
    for (const [i, button] of stageButtons.entries())
      button.setAttribute('aria-pressed', String(data.stages[i] === next));
    stageNote.textContent = next.note;
    graph.draw(next);
    graph.select(-1);
    search.find();
  }

  const toolbar = element(
    'div',
    { class: 'toolbar' },
    element('div', { class: 'group', role: 'group', 'aria-label': 'Stage' }, ...stageButtons),
    search.input,
    search.count,
    zoomButtons(graph),
    stageNote,
  );
  return {
    element: element(
      'div',
      { class: 'graph-panel' },
      toolbar,
      element('div', { class: 'canvas' }, graph.view, graph.map),
      detail,
    ),
    graph,
    setStage,
    stage: () => stage,
    focusSearch: () => search.input.focus(),
  };
}

function zoomButtons(graph) {
  const tool = (label, title, onclick) =>
    element('button', { type: 'button', title, 'aria-label': title, onclick }, label);
  return element(
    'div',
    { class: 'group' },
    tool('−', 'Zoom out (−)', () => graph.zoom(0.8)),
    tool('+', 'Zoom in (+)', () => graph.zoom(1.25)),
    tool('All', 'Show all (0)', () => graph.fit()),
  );
}
