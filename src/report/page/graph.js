/** The graph of one stage: drawn once, moved by one transform. */
function graphView(onSelect) {
  const scene = svg('g');
  const view = svg(
    'svg',
    {
      class: 'graph',
      tabindex: 0,
      role: 'application',
      'aria-label':
        'Graph. Arrow keys walk along edges or move the view, plus and minus zoom, 0 shows all, slash searches.',
    },
    scene,
  );
  const map = element('canvas', { class: 'minimap', 'aria-hidden': 'true' });
  const box = [210, 42];
  const family = getComputedStyle(document.body).fontFamily;
  let stage;
  let groups = [];
  let place = { x: 0, y: 0, scale: 1 };
  let selected = -1;
  let palette;
  let frame;
  const ends = { from: new Map(), to: new Map() };

  function draw(next) {
    stage = next;
    selected = -1;
    ends.from = new Map();
    ends.to = new Map();
    for (const edge of stage.edges) {
      (ends.to.get(edge.from) ?? ends.to.set(edge.from, []).get(edge.from)).push(edge.to);
      (ends.from.get(edge.to) ?? ends.from.set(edge.to, []).get(edge.to)).push(edge.from);
    }
    groups = stage.nodes.map(drawNode);
    scene.replaceChildren(regions(), ...stage.edges.map(drawEdge), ...groups);
    start();
  }

  function drawNode(node, i) {
    const [width, height] = box;
    return svg(
      'g',
      {
        class: `node ${node.kind}`,
        transform: `translate(${node.x - width / 2} ${node.y - height / 2})`,
        onclick: () => select(i),
      },
      svg('title', {}, `${node.op}\n${node.name}`),
      svg('rect', { width, height, rx: 7 }),
      svg('text', { class: 'op', x: 10, y: 17 }, fitted(plainOp(node.op), `650 12px ${family}`, box[0] - 20)),
      svg('text', { class: 'name', x: 10, y: 33 }, fitted(plainName(node.name), `11px ${family}`, box[0] - 20)),
    );
  }

  /** What is int8 without a break, as one coloured area behind it. */
  function regions() {
    const [width, height] = [box[0] + 20, box[1] + 32];
    const inside = (node) => node.kind === 'int8' || node.kind === 'island';
    const around = stage.nodes
      .filter(inside)
      .map(({ x, y }) => svg('rect', { x: x - width / 2, y: y - height / 2, width, height, rx: 14 }));
    const along = stage.edges
      .filter(({ from, to }) => inside(stage.nodes[from]) && inside(stage.nodes[to]))
      .map(({ points }) => pathOf(points));
    return svg('g', { class: 'region' }, ...around, svg('path', { d: along.join('') }));
  }

  const drawEdge = ({ points, isInt8 }) => svg('path', { class: isInt8 ? 'edge int8' : 'edge', d: pathOf(points) });

  function pathOf(points) {
    const at = (i) => `${points[i]} ${points[i + 1]}`;
    let d = `M${at(0)}`;
    // Through the middles of dagre's points, so that bends are round.
    for (let i = 2; i < points.length - 2; i += 2)
      d += `Q${at(i)} ${(points[i] + points[i + 2]) / 2} ${(points[i + 1] + points[i + 3]) / 2}`;
    return `${d}L${at(points.length - 2)}`;
  }

  function apply() {
    scene.setAttribute('transform', `translate(${place.x} ${place.y}) scale(${place.scale})`);
    view.classList.toggle('far', place.scale < 0.35);
    // One drawing a frame, however many moves there are in it.
    frame ??= requestAnimationFrame(() => {
      frame = undefined;
      drawMap();
    });
  }

  const size = () => [view.clientWidth || 800, view.clientHeight || 600];
  const clamp = (scale) => Math.max(0.02, Math.min(3, scale));

  /** The top of the graph, readable; all of it where that fits. */
  function start() {
    const [width, height] = size();
    const all = Math.min(width / stage.width, height / stage.height);
    const scale = clamp(Math.min(1, Math.max(all, Math.min(0.75, width / stage.width), 0.3)));
    place = {
      scale,
      x: (width - stage.width * scale) / 2,
      y: stage.height * scale < height ? (height - stage.height * scale) / 2 : 8,
    };
    const [first] = stage.nodes;
    if (stage.width * scale > width && first !== undefined) place.x = width / 2 - first.x * scale;
    apply();
  }

  function fit() {
    const [width, height] = size();
    const scale = clamp(Math.min(1, (width - 20) / stage.width, (height - 20) / stage.height));
    place = { scale, x: (width - stage.width * scale) / 2, y: (height - stage.height * scale) / 2 };
    apply();
  }

  function zoom(factor, x = size()[0] / 2, y = size()[1] / 2) {
    const scale = clamp(place.scale * factor);
    place = { scale, x: x - ((x - place.x) * scale) / place.scale, y: y - ((y - place.y) * scale) / place.scale };
    apply();
  }

  function move(x, y) {
    place = { ...place, x: place.x + x, y: place.y + y };
    apply();
  }

  function select(i, centre = false) {
    groups[selected]?.classList.remove('selected');
    for (const group of scene.querySelectorAll('.near')) group.classList.remove('near');
    selected = i;
    const node = stage.nodes[i];
    if (node !== undefined) {
      groups[i].classList.add('selected');
      for (const other of neighbours(i)) groups[other].classList.add('near');
      if (centre) {
        const [width, height] = size();
        const scale = Math.max(place.scale, 0.75);
        place = { scale, x: width / 2 - node.x * scale, y: height / 2 - node.y * scale };
        apply();
      }
    }
    drawMap();
    onSelect(node, i);
  }

  const inputs = (i) => ends.from.get(i) ?? [];
  const readers = (i) => ends.to.get(i) ?? [];
  const neighbours = (i) => [...inputs(i), ...readers(i)];

  const mapColours = {
    int8: '--int8',
    island: '--int8',
    fp32: '--fp32',
    convert: '--convert',
    other: '--line',
    end: '--ink-soft',
    view: '--accent',
  };
  /** Colours as the canvas takes them: it does not know the style sheet's variables. */
  function colours() {
    const probe = element('span');
    view.parentElement.append(probe);
    const found = Object.entries(mapColours).map(([kind, variable]) => {
      probe.style.color = `var(${variable})`;
      return [kind, getComputedStyle(probe).color];
    });
    probe.remove();
    return Object.fromEntries(found);
  }

  function drawMap() {
    if (stage === undefined || map.clientWidth === 0) return;
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [map.clientWidth, map.clientHeight];
    map.width = Math.round(width * ratio);
    map.height = Math.round(height * ratio);
    const context = map.getContext('2d');
    palette ??= colours();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const [across, down] = [width / stage.width, height / stage.height];
    for (const node of stage.nodes) {
      context.fillStyle = palette[node.kind];
      const [w, h] = [Math.max(2, box[0] * across), Math.max(1, box[1] * down)];
      context.fillRect(node.x * across - w / 2, node.y * down - h / 2, w, h);
    }
    const [w, h] = size();
    const inside = (x, most) => Math.max(1, Math.min(most - 1, x));
    const [left, top] = [
      inside((-place.x / place.scale) * across, width),
      inside((-place.y / place.scale) * down, height),
    ];
    const [right, bottom] = [
      inside(((w - place.x) / place.scale) * across, width),
      inside(((h - place.y) / place.scale) * down, height),
    ];
    context.strokeStyle = palette.view;
    context.lineWidth = 2;
    context.strokeRect(left, top, Math.max(3, right - left), Math.max(3, bottom - top));
  }

  function redraw() {
    palette = undefined;
    drawMap();
  }

  function goTo(event) {
    const bounds = map.getBoundingClientRect();
    const [width, height] = size();
    const x = ((event.clientX - bounds.left) / bounds.width) * stage.width;
    const y = ((event.clientY - bounds.top) / bounds.height) * stage.height;
    place = { ...place, x: width / 2 - x * place.scale, y: height / 2 - y * place.scale };
    apply();
  }
  map.addEventListener('pointerdown', (event) => {
    map.setPointerCapture(event.pointerId);
    goTo(event);
  });
  map.addEventListener('pointermove', (event) => event.buttons !== 0 && goTo(event));

  let drag;
  view.addEventListener('pointerdown', (event) => {
    drag = { x: event.clientX, y: event.clientY, moved: false };
  });
  view.addEventListener('pointermove', (event) => {
    if (drag === undefined || event.buttons === 0) return;
    if (!drag.moved && Math.hypot(event.clientX - drag.x, event.clientY - drag.y) < 4) return;
    if (!drag.moved) view.setPointerCapture(event.pointerId);
    move(event.clientX - drag.x, event.clientY - drag.y);
    drag = { x: event.clientX, y: event.clientY, moved: true };
  });
  view.addEventListener('pointerup', () => {
    drag = undefined;
  });
  view.addEventListener(
    'wheel',
    (event) => {
      event.preventDefault();
      const bounds = view.getBoundingClientRect();
      if (event.ctrlKey || event.metaKey || !event.shiftKey)
        zoom(Math.exp(-event.deltaY * 0.0015), event.clientX - bounds.left, event.clientY - bounds.top);
      else move(-event.deltaX, -event.deltaY);
    },
    { passive: false },
  );

  const walk = {
    ArrowUp: () => inputs(selected)[0],
    ArrowDown: () => readers(selected)[0],
    ArrowLeft: () => beside(-1),
    ArrowRight: () => beside(1),
  };
  const pan = { ArrowUp: [0, 80], ArrowDown: [0, -80], ArrowLeft: [80, 0], ArrowRight: [-80, 0] };
  /** The next of the nodes that read what the selected one reads. */
  function beside(by) {
    const [from] = inputs(selected);
    const row = from === undefined ? [] : readers(from);
    return row[(row.indexOf(selected) + by + row.length) % row.length];
  }
  const keys = { '+': () => zoom(1.25), '=': () => zoom(1.25), '-': () => zoom(0.8), 0: fit, Escape: () => select(-1) };
  view.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const way = pan[event.key];
    if (way !== undefined && (selected < 0 || event.shiftKey)) move(...way);
    else if (way !== undefined) {
      const next = walk[event.key]();
      if (next !== undefined) select(next, true);
    } else if (Object.hasOwn(keys, event.key)) keys[event.key]();
    else return;
    event.preventDefault();
  });

  function mark(found) {
    for (const [i, group] of groups.entries()) group.classList.toggle('found', found.has(i));
    view.classList.toggle('searching', found.size > 0);
  }

  return { view, map, draw, start, fit, zoom, select, mark, inputs, readers, redraw };
}
