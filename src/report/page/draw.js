/** What a stage looks like: nodes, edges, and the areas that are int8 without a break. */
const nodeBox = [210, 42];

/** Names of int8 ops end in how they were made; their colour says so already. */
const nodeLabel = ({ name, kind }) => plainName(kind === 'int8' ? name.replace(/\/(requantize|quantized)$/, '') : name);

/** A node without its words; along its foot, its time beside that of the slowest. */
function drawnNode(node, share, onclick) {
  const [width, height] = nodeBox;
  return svg(
    'g',
    { class: `node ${node.kind}`, transform: `translate(${node.x - width / 2} ${node.y - height / 2})`, onclick },
    svg('title', {}, `${node.op}\n${node.name}`),
    svg('rect', { class: 'body', width, height, rx: 7 }),
    share === undefined
      ? undefined
      : svg('rect', {
          class: 'took',
          x: 7,
          y: height - 5,
          width: Math.max(1, share * (width - 14)),
          height: 3,
          rx: 1.5,
        }),
  );
}

/** A node's op and name: written when they are first seen, since measuring takes time. */
function wordsOf(node, family) {
  const text = (kind, y, font, words) => svg('text', { class: kind, x: 10, y }, fitted(words, font, nodeBox[0] - 20));
  return [text('op', 17, `650 12px ${family}`, plainOp(node.op)), text('name', 32, `11px ${family}`, nodeLabel(node))];
}

const boundsOfNode = ({ x, y }) => [x - nodeBox[0] / 2, y - nodeBox[1] / 2, x + nodeBox[0] / 2, y + nodeBox[1] / 2];

function boundsOfEdge({ points }) {
  const [xs, ys] = [points.filter((_, i) => i % 2 === 0), points.filter((_, i) => i % 2 === 1)];
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

/**
 * Hides what lies out of view: browsers lay all text out anew at each zoom. `items`: an element, its bounds, and what to
 * call when it can first be read.
 */
function cull(items, camera) {
  const [left, top, right, bottom] = camera.window();
  const isFar = camera.isFar();
  for (const item of items) {
    const [l, t, r, b] = item.bounds;
    const isSeen = l < right && r > left && t < bottom && b > top;
    if (isSeen !== item.isSeen) item.element.toggleAttribute('hidden', !isSeen);
    item.isSeen = isSeen;
    if (!isSeen || isFar || item.write === undefined) continue;
    item.write();
    item.write = undefined;
  }
}

/** What is int8 without a break, as one coloured area behind it. */
function drawnRegions({ nodes, edges }) {
  const [width, height] = [nodeBox[0] + 20, nodeBox[1] + 32];
  const isInside = (node) => node.kind === 'int8' || node.kind === 'island';
  const around = nodes
    .filter(isInside)
    .map(({ x, y }) => svg('rect', { x: x - width / 2, y: y - height / 2, width, height, rx: 14 }));
  const along = edges
    .filter(({ from, to }) => isInside(nodes[from]) && isInside(nodes[to]))
    .map(({ points }) => pathOf(points));
  return svg('g', { class: 'region' }, ...around, svg('path', { d: along.join('') }));
}

const drawnEdge = ({ points, isInt8 }) => svg('path', { class: isInt8 ? 'edge int8' : 'edge', d: pathOf(points) });

function pathOf(points) {
  const at = (i) => `${points[i]} ${points[i + 1]}`;
  let d = `M${at(0)}`;
  // Through the middles of dagre's points, so that bends are round.
  for (let i = 2; i < points.length - 2; i += 2)
    d += `Q${at(i)} ${(points[i] + points[i + 2]) / 2} ${(points[i + 1] + points[i + 3]) / 2}`;
  return `${d}L${at(points.length - 2)}`;
}
