/** The graph of one stage: drawn once, moved by one transform. `shareOf(stage)` gives each node's time beside the slowest. */
function graphView(shareOf, onSelect) {
  const scene = svg('g');
  const label =
    'Graph. Arrow keys walk along edges or move the view, plus and minus zoom, 0 shows all, slash searches.';
  const view = svg('svg', { class: 'graph', tabindex: 0, role: 'application', 'aria-label': label }, scene);
  const camera = cameraOf(view, scene, () => {
    cull(items, camera);
    map.draw();
  });
  const map = minimapOf(camera);
  const family = getComputedStyle(document.body).fontFamily;
  let stage;
  let ends = endsOf([]);
  let groups = [];
  let items = [];
  let selected = -1;

  function draw(next) {
    stage = next;
    selected = -1;
    ends = endsOf(stage.edges);
    const share = shareOf(stage);
    groups = stage.nodes.map((node, i) => drawnNode(node, share(node), () => select(i)));
    const edges = stage.edges.map(drawnEdge);
    items = [
      ...stage.edges.map((edge, i) => ({ element: edges[i], bounds: boundsOfEdge(edge) })),
      ...stage.nodes.map((node, i) => ({
        element: groups[i],
        bounds: boundsOfNode(node),
        write: () => groups[i].append(...wordsOf(node, family)),
      })),
    ];
    scene.replaceChildren(drawnRegions(stage), ...edges, ...groups);
    map.show(stage);
    camera.start(stage, stage.nodes[0]);
  }

  function select(i, centre = false) {
    groups[selected]?.classList.remove('selected');
    for (const group of scene.querySelectorAll('.near')) group.classList.remove('near');
    selected = i;
    const node = stage.nodes[i];
    if (node !== undefined) {
      groups[i].classList.add('selected');
      for (const other of [...ends.inputs(i), ...ends.readers(i)]) groups[other].classList.add('near');
      if (centre) camera.approach(node);
    }
    map.draw();
    onSelect(node, i);
  }

  function mark(found) {
    for (const [i, group] of groups.entries()) group.classList.toggle('found', found.has(i));
    view.classList.toggle('searching', found.size > 0);
  }

  const { zoom, fit } = camera;
  const inputs = (i) => ends.inputs(i);
  const readers = (i) => ends.readers(i);
  listenToPointer(view, camera);
  listenToKeys(view, camera, { inputs, readers, select, selected: () => selected });
  return { view, map: map.canvas, draw, fit, zoom, select, mark, inputs, readers, redraw: map.redraw };
}

/** What each node reads, and what reads it. */
function endsOf(edges) {
  const [from, to] = [new Map(), new Map()];
  const add = (ends, key, value) => (ends.get(key) ?? ends.set(key, []).get(key)).push(value);
  for (const edge of edges) {
    add(to, edge.from, edge.to);
    add(from, edge.to, edge.from);
  }
  return { inputs: (i) => from.get(i) ?? [], readers: (i) => to.get(i) ?? [] };
}

const pan = { ArrowUp: [0, 80], ArrowDown: [0, -80], ArrowLeft: [80, 0], ArrowRight: [-80, 0] };

/** Arrows walk from the selected node, and move the view where there is none, or with shift. */
function listenToKeys(view, camera, { inputs, readers, select, selected }) {
  /** The next of the nodes that read what the selected one reads. */
  const beside = (by) => {
    const [from] = inputs(selected());
    const row = from === undefined ? [] : readers(from);
    return row[(row.indexOf(selected()) + by + row.length) % row.length];
  };
  const walk = {
    ArrowUp: () => inputs(selected())[0],
    ArrowDown: () => readers(selected())[0],
    ArrowLeft: () => beside(-1),
    ArrowRight: () => beside(1),
  };
  const closer = () => camera.zoom(1.25);
  const keys = { '+': closer, '=': closer, '-': () => camera.zoom(0.8), 0: camera.fit, Escape: () => select(-1) };
  view.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const way = pan[event.key];
    if (way !== undefined && (selected() < 0 || event.shiftKey)) camera.move(...way);
    else if (way !== undefined) {
      const next = walk[event.key]();
      if (next !== undefined) select(next, true);
    } else if (Object.hasOwn(keys, event.key)) keys[event.key]();
    else return;
    event.preventDefault();
  });
}
