const mapColours = {
  int8: '--int8',
  island: '--int8',
  fp32: '--fp32',
  convert: '--convert',
  other: '--quiet',
  end: '--ink-soft',
  view: '--accent',
};

/** Colours as a canvas takes them: it does not know the style sheet's variables. */
function canvasColours(parent) {
  const probe = element('span');
  parent.append(probe);
  const found = Object.entries(mapColours).map(([kind, variable]) => {
    probe.style.color = `var(${variable})`;
    return [kind, getComputedStyle(probe).color];
  });
  probe.remove();
  return Object.fromEntries(found);
}

/** The whole stage in small, with a frame around what is seen; a click or a drag goes there. */
function minimapOf(camera) {
  const canvas = element('canvas', { class: 'minimap', 'aria-hidden': 'true' });
  let stage;
  let palette;

  function draw() {
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (stage === undefined || width === 0) return;
    const ratio = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const context = canvas.getContext('2d');
    palette ??= canvasColours(canvas.parentElement);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const [across, down] = [width / stage.width, height / stage.height];
    for (const node of stage.nodes) {
      context.fillStyle = palette[node.kind];
      const [w, h] = [Math.max(2, nodeBox[0] * across), Math.max(1, nodeBox[1] * down)];
      context.fillRect(node.x * across - w / 2, node.y * down - h / 2, w, h);
    }
    const within = (part, most) => Math.max(1, Math.min(most - 1, part * most));
    const [left, top, right, bottom] = camera.seen().map((part, i) => within(part, i % 2 === 0 ? width : height));
    context.strokeStyle = palette.view;
    context.lineWidth = 2;
    context.strokeRect(left, top, Math.max(3, right - left), Math.max(3, bottom - top));
  }

  function goTo(event) {
    const bounds = canvas.getBoundingClientRect();
    const x = ((event.clientX - bounds.left) / bounds.width) * stage.width;
    const y = ((event.clientY - bounds.top) / bounds.height) * stage.height;
    camera.centre(x, y);
  }
  canvas.addEventListener('pointerdown', (event) => {
    canvas.setPointerCapture(event.pointerId);
    goTo(event);
  });
  canvas.addEventListener('pointermove', (event) => event.buttons !== 0 && goTo(event));

  return {
    canvas,
    draw,
    show: (next) => {
      stage = next;
    },
    /** The theme may have changed. */
    redraw: () => {
      palette = undefined;
      draw();
    },
  };
}
