/** Plots as SVG, coloured by the style sheet alone. */

/** How the values lie between their ends, with the range that int8 codes stand for. */
function histogramPlot({ min, max, histogram, low, high }) {
  const [width, height, foot] = [320, 120, 18];
  const start = Math.min(min, low ?? min);
  const end = Math.max(max, high ?? max);
  const span = end - start || 1;
  const at = (x) => ((x - start) / span) * width;
  // Activations pile up at zero: the square root of the share leaves the tails to be seen.
  const top = Math.sqrt(Math.max(...histogram));
  const step = ((max - min) / span) * (width / histogram.length);
  const bars = histogram.map((count, i) => {
    const tall = count === 0 ? 0 : Math.max(1, (Math.sqrt(count) / top) * (height - 8));
    return `M${(at(min) + i * step).toFixed(2)} ${height}v${(-tall).toFixed(2)}h${Math.max(0.6, step - 0.4).toFixed(2)}v${tall.toFixed(2)}z`;
  });
  const plot = svg(
    'svg',
    {
      class: 'plot',
      viewBox: `0 -2 ${width} ${height + foot + 2}`,
      role: 'img',
      'aria-label': `Values from ${format.number(min)} to ${format.number(max)}${high === undefined ? '' : `, int8 covers ${format.number(low)} to ${format.number(high)}`}`,
    },
    svg('path', { class: 'bars', d: bars.join('') }),
    svg('line', { class: 'axis', x1: 0, x2: width, y1: height, y2: height }),
  );
  if (high !== undefined)
    plot.append(
      svg('rect', { class: 'clipped', x: 0, y: 0, width: Math.max(0, at(low)), height }),
      svg('rect', { class: 'clipped', x: at(high), y: 0, width: Math.max(0, width - at(high)), height }),
      ...[low, high].map((x) => svg('line', { class: 'clip', x1: at(x), x2: at(x), y1: 0, y2: height })),
    );
  plot.append(
    svg('text', { class: 'tick', x: 0, y: height + 13 }, format.number(start)),
    svg('text', { class: 'tick end', x: width, y: height + 13 }, format.number(end)),
  );
  return plot;
}

/** The range of the weights of each output channel. */
function channelPlot({ min, max }) {
  const [width, height] = [320, 90];
  const largest = Math.max(...max.map(Math.abs), ...min.map(Math.abs)) || 1;
  const step = width / max.length;
  const y = (x) => height / 2 - (x / largest) * (height / 2 - 2);
  const bars = max.map(
    (high, i) =>
      `M${(i * step).toFixed(2)} ${y(high).toFixed(2)}h${Math.max(0.5, step * 0.8).toFixed(2)}V${y(min[i]).toFixed(2)}h${(-Math.max(0.5, step * 0.8)).toFixed(2)}z`,
  );
  return svg(
    'svg',
    {
      class: 'plot',
      viewBox: `0 0 ${width} ${height + 16}`,
      role: 'img',
      'aria-label': `Weight ranges of ${max.length} channels, at most ${format.number(largest)}`,
    },
    svg('path', { class: 'bars', d: bars.join('') }),
    svg('line', { class: 'axis', x1: 0, x2: width, y1: height / 2, y2: height / 2 }),
    svg(
      'text',
      { class: 'tick', x: 0, y: height + 13 },
      `${max.length} ${max.length === 1 ? 'range for all channels' : 'channels'}`,
    ),
    svg('text', { class: 'tick end', x: width, y: height + 13 }, `± ${format.number(largest)}`),
  );
}

/** A share of a whole as a bar. */
function shareBar(share, label, kind = '') {
  return svg(
    'svg',
    { class: `share ${kind}`, viewBox: '0 0 100 6', preserveAspectRatio: 'none', role: 'img', 'aria-label': label },
    svg('rect', { class: 'track', width: 100, height: 6, rx: 1 }),
    svg('rect', { class: 'filled', width: Math.max(0, Math.min(100, 100 * share)), height: 6, rx: 1 }),
  );
}

/** Parts of a whole, side by side: class, length and title of each. */
function stackedBar(parts, whole) {
  let x = 0;
  return svg(
    'svg',
    { class: 'stacked', viewBox: '0 0 100 10', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    ...parts.map(([kind, length, title]) => {
      const width = (100 * length) / whole;
      x += width;
      return svg(
        'rect',
        { class: kind, x: x - width, width, height: 10 },
        svg('title', {}, `${title} ${format.time(length)}`),
      );
    }),
  );
}

/** SQNR of layers in the order of the graph: a line, and a point a layer. */
function noisePlot(layers, show) {
  // As many units as there will be pixels, so that figures on the axis can be read.
  const [width, height, left] = [Math.max(480, Math.min(1100, innerWidth - 80)), 190, 48];
  const most = Math.max(40, Math.ceil(Math.max(...layers.map(({ sqnr }) => Math.min(80, sqnr))) / 10) * 10);
  const least = Math.min(0, Math.floor(Math.min(...layers.map(({ sqnr }) => sqnr)) / 10) * 10);
  const x = (i) => left + 6 + (i * (width - left - 12)) / (layers.length - 1);
  const y = (dB) => 6 + (1 - (Math.min(most, dB) - least) / (most - least)) * (height - 12);
  const lines = Array.from({ length: (most - least) / 10 + 1 }, (_, i) => least + 10 * i);
  return svg(
    'svg',
    { class: 'plot wide', viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': 'SQNR of each layer in order' },
    ...lines.flatMap((dB) => [
      svg('line', { class: 'axis', x1: left, x2: width, y1: y(dB), y2: y(dB) }),
      svg('text', { class: 'tick end', x: left - 6, y: y(dB) + 4 }, dB === most ? `${dB} dB` : String(dB)),
    ]),
    svg('polyline', {
      class: 'line',
      points: layers.map(({ sqnr }, i) => `${x(i).toFixed(1)},${y(sqnr).toFixed(1)}`).join(' '),
    }),
    ...layers.map(({ layer, sqnr }, i) =>
      svg(
        'circle',
        {
          class: `point ${noiseClass(sqnr)}`,
          cx: x(i).toFixed(1),
          cy: y(sqnr).toFixed(1),
          r: layers.length > 200 ? 2.5 : 4,
          onclick: () => show(layer),
        },
        svg('title', {}, `${layer}: ${format.dB(sqnr)}`),
      ),
    ),
  );
}

const noiseClass = (dB) => (dB === null || dB === undefined || dB >= 25 ? '' : dB < 15 ? 'bad' : 'fair');

/** SQNR as a bar: the longer the worse, since the worst are what one looks for. */
function noiseBar(dB) {
  const share = dB === null || dB === undefined ? 0 : Math.max(0.02, Math.min(1, (60 - dB) / 60));
  return svg(
    'svg',
    {
      class: `noise ${noiseClass(dB)}`,
      viewBox: '0 0 100 8',
      preserveAspectRatio: 'none',
      'aria-hidden': 'true',
    },
    svg('rect', { class: 'filled', width: 100 * share, height: 8, rx: 1 }),
  );
}

/** Figures of the trials in turn, with the floor that must be kept. */
function trialPlot({ rows, reference, floor }) {
  const [width, height] = [640, 170];
  const all = [...rows.map((row) => row.figure), reference, floor];
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const pad = (high - low) * 0.1 || 0.01;
  const y = (v) => height - ((v - low + pad) / (high - low + 2 * pad)) * height;
  const x = (i) => 24 + (i * (width - 48)) / Math.max(1, rows.length - 1);
  const line = (name, v) => [
    svg('line', { class: name, x1: 0, x2: width, y1: y(v), y2: y(v) }),
    svg('text', { class: 'tick end', x: width, y: y(v) - 4 }, `${name} ${format.percent(v, 2)}`),
  ];
  return svg(
    'svg',
    {
      class: 'plot wide',
      viewBox: `0 0 ${width} ${height + 4}`,
      role: 'img',
      'aria-label': 'The figure of each trial',
    },
    ...line('fp32', reference),
    ...line('floor', floor),
    svg('polyline', { class: 'line', points: rows.map((row, i) => `${x(i)},${y(row.figure)}`).join(' ') }),
    ...rows.map((row, i) =>
      svg(
        'circle',
        { class: row.figure >= floor ? 'dot good' : 'dot bad', cx: x(i), cy: y(row.figure), r: 5 },
        svg('title', {}, `trial ${i + 1}: ${format.percent(row.figure, 2)} with ${row.fp32.length} in fp32`),
      ),
    ),
  );
}
