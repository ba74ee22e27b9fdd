// Elements are made by code alone: names of a model's file are only ever text.

const svgNamespace = 'http://www.w3.org/2000/svg';

/** An element with properties (`class`, `onclick`, attributes) and children: elements or text. */
function element(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

function svg(tag, properties = {}, ...children) {
  return fill(document.createElementNS(svgNamespace, tag), properties, children);
}

function fill(made, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === false) continue;
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? '' : String(value));
  }
  for (const child of children.flat()) if (child !== undefined && child !== null) made.append(child);
  return made;
}

const format = {
  number: (x) =>
    x === undefined || x === null
      ? '–'
      : Math.abs(x) >= 1e5 || (x !== 0 && Math.abs(x) < 1e-3)
        ? x.toExponential(2)
        : String(Number(x.toPrecision(4))),
  dB: (x) => (x === undefined ? '–' : x === null ? 'equal' : `${x.toFixed(1)} dB`),
  percent: (x, digits = 1) => `${(100 * x).toFixed(digits)} %`,
  bytes: (x) => (x >= 1e6 ? `${(x / 1e6).toFixed(1)} MB` : `${(x / 1e3).toFixed(1)} kB`),
  time: (x) => (x >= 100 ? `${x.toFixed(0)} ms` : `${x.toFixed(x < 0.1 ? 3 : x < 10 ? 2 : 1)} ms`),
  times: (x) => `${x.toFixed(x < 10 ? 1 : 0)}×`,
  /** Shares, but for noise and numbers of things. */
  figure: (name, x) => {
    if (x === undefined) return '–';
    if (name.startsWith('sqnr')) return `${x.toFixed(1)} dB`;
    return name === 'detections' ? String(x) : format.percent(x, 2);
  },
};

/** The folder of names that most nodes lie in: left out where names are short of space. */
let scope = '';
function findScope(names) {
  scope = '';
  for (;;) {
    const counts = new Map();
    const inside = names.filter((name) => name.startsWith(scope));
    for (const name of inside) {
      const end = name.indexOf('/', scope.length);
      if (end > 0) counts.set(name.slice(0, end + 1), (counts.get(name.slice(0, end + 1)) ?? 0) + 1);
    }
    const [best] = [...counts].sort((a, b) => b[1] - a[1]);
    if (best === undefined || best[1] < 0.9 * names.length) return;
    scope = best[0];
  }
}
const plainName = (name) => (name.startsWith(scope) && name.length > scope.length ? name.slice(scope.length) : name);

/** A name cut in the middle: its end tells most. */
const shorten = (text, length) =>
  text.length <= length
    ? text
    : `${text.slice(0, Math.ceil(length / 3))}…${text.slice(-(length - Math.ceil(length / 3) - 1))}`;

/** A quantized op by what it does: its colour says that it is int8. */
const ownOps = {
  _OctetConv2DSum: 'Conv2D + Bias + Sum',
  _OctetFloatConv2D: 'Conv2D + Bias, float32',
  _OctetRoundedConv2D: 'Conv2D + Bias + Sum',
  _OctetAdd: 'Add',
  _OctetTable: 'Function of codes',
  _OctetMean: 'Mean',
};
const plainOp = (op) =>
  ownOps[op] ??
  (op.startsWith('Quantized')
    ? op
        .replace(/^Quantized/, '')
        .replace(/^DepthwiseConv2D/, 'Depthwise')
        .replace(/AndRequantize$/, '')
        .replace(/With(?=Bias)|And/g, ' + ')
        .replace(/(Signed)?Sum/, ' + $&')
    : op);

/** A name that breaks at its slashes. */
const breakable = (name) => name.split(/(?<=\/)/).flatMap((part) => [part, element('wbr')]);

const ruler = document.createElement('canvas').getContext('2d');
/** A text cut in the middle to a width in pixels. */
function fitted(text, font, width) {
  ruler.font = font;
  const fits = (length) => ruler.measureText(shorten(text, length)).width <= width;
  if (fits(text.length)) return text;
  let [length, tooLong] = [4, text.length];
  while (tooLong - length > 1) {
    const middle = (length + tooLong) >> 1;
    if (fits(middle)) length = middle;
    else tooLong = middle;
  }
  return shorten(text, length);
}
