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
  time: (x) => (x >= 100 ? `${x.toFixed(0)} ms` : `${x.toFixed(x < 10 ? 2 : 1)} ms`),
  figure: (name, x) => (x === undefined ? '–' : name.startsWith('sqnr') ? `${x.toFixed(1)} dB` : format.percent(x, 2)),
};

/** A name cut in the middle: its end tells most. */
const shorten = (text, length) =>
  text.length <= length
    ? text
    : `${text.slice(0, Math.ceil(length / 3))}…${text.slice(-(length - Math.ceil(length / 3) - 1))}`;

/** A quantized op by what it does: its colour says that it is int8. */
const plainOp = (op) =>
  op.startsWith('Quantized')
    ? op
        .replace(/^Quantized/, '')
        .replace(/AndRequantize$/, '')
        .replace(/With(?=Bias)|And/g, ' + ')
        .replace(/(Signed)?Sum/, ' + $&')
    : op;

const ruler = document.createElement('canvas').getContext('2d');
/** A text cut in the middle to a width in pixels. */
function fitted(text, font, width) {
  ruler.font = font;
  let length = text.length;
  while (length > 4 && ruler.measureText(shorten(text, length)).width > width) length--;
  return shorten(text, length);
}
