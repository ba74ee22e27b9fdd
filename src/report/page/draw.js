/** What a stage looks like: nodes, edges, and the areas that are int8 without a break. */
const nodeBox = [210, 42];

/** Names end in what quantizing made of them; an int8 op stands for the fp32 value. */
const nodeLabel = ({ name, key, kind }) => plainName(kind === 'int8' && name.startsWith(`${key}/`) ? key : name);

/** A node with its op and name; along its foot, its time beside that of the slowest. */
function drawnNode(node, share, family, onclick) {
  const [width, height] = nodeBox;
  const text = (kind, y, font, words) => svg('text', { class: kind, x: 10, y }, fitted(words, font, width - 20));
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
    text('op', 17, `650 12px ${family}`, plainOp(node.op)),
    text('name', 32, `11px ${family}`, nodeLabel(node)),
  );
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
