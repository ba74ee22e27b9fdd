/** Pixels that the map takes at the right, with its margin. */
const mapWidth = 110;
/** Names can't be read at a smaller scale. */
const farScale = 0.35;

/** Which part of a drawing is seen: `place` moves and scales `scene` inside `view`; `moved` is told once a frame. */
function cameraOf(view, scene, moved) {
  let area = { width: 1, height: 1 };
  let place = { x: 0, y: 0, scale: 1 };
  let frame;
  /** What can be seen: not what lies under the map at the right. */
  const size = () => {
    const width = view.clientWidth || 800;
    return [width > 5 * mapWidth ? width - mapWidth : width, view.clientHeight || 600];
  };
  const clamp = (scale) => Math.max(0.02, Math.min(3, scale));

  function put(next) {
    place = next;
    scene.setAttribute('transform', `translate(${place.x} ${place.y}) scale(${place.scale})`);
    view.classList.toggle('far', isFar());
    frame ??= requestAnimationFrame(() => {
      frame = undefined;
      moved();
    });
  }

  /** The top of a graph, readable; all of it where that fits. */
  function start(next, first) {
    area = next;
    const [width, height] = size();
    const across = width / area.width;
    const scale = clamp(Math.min(1, Math.max(Math.min(across, height / area.height), Math.min(0.9, across), 0.5)));
    const y = area.height * scale < height ? (height - area.height * scale) / 2 : 8;
    const isWide = area.width * scale > width && first !== undefined;
    put({ scale, x: isWide ? width / 2 - first.x * scale : (width - area.width * scale) / 2, y });
  }

  function fit() {
    const [width, height] = size();
    const scale = clamp(Math.min(1, (width - 20) / area.width, (height - 20) / area.height));
    put({ scale, x: (width - area.width * scale) / 2, y: (height - area.height * scale) / 2 });
  }

  function zoom(factor, x = size()[0] / 2, y = size()[1] / 2) {
    const scale = clamp(place.scale * factor);
    put({ scale, x: x - ((x - place.x) * scale) / place.scale, y: y - ((y - place.y) * scale) / place.scale });
  }

  const move = (x, y) => put({ ...place, x: place.x + x, y: place.y + y });

  /** Brings a point of the drawing to the middle. */
  function centre(x, y, scale = place.scale) {
    const [width, height] = size();
    put({ scale, x: width / 2 - x * scale, y: height / 2 - y * scale });
  }
  /** The same, at a size that can be read. */
  const approach = ({ x, y }) => centre(x, y, Math.max(place.scale, 0.8));

  /** What is seen, as parts of the whole from 0 to 1: left, top, right, bottom. */
  function seen() {
    const [width, height] = size();
    const part = (edge, shift, all) => (edge - shift) / place.scale / all;
    return [
      part(0, place.x, area.width),
      part(0, place.y, area.height),
      part(width, place.x, area.width),
      part(height, place.y, area.height),
    ];
  }

  /** The same in units of the drawing, with what lies under the map and a little around. */
  function window() {
    const [left, top, right, bottom] = seen();
    const around = (mapWidth + 40) / place.scale;
    const { width, height } = area;
    return [left * width - around, top * height - around, right * width + around, bottom * height + around];
  }
  const isFar = () => place.scale < farScale;

  return { start, fit, zoom, move, centre, approach, seen, window, isFar };
}

/** Dragging moves, the wheel zooms, and moves to the side with shift. */
function listenToPointer(view, camera) {
  let drag;
  view.addEventListener('pointerdown', (event) => {
    drag = { x: event.clientX, y: event.clientY, moved: false };
  });
  view.addEventListener('pointermove', (event) => {
    if (drag === undefined || event.buttons === 0) return;
    if (!drag.moved && Math.hypot(event.clientX - drag.x, event.clientY - drag.y) < 4) return;
    if (!drag.moved) view.setPointerCapture(event.pointerId);
    camera.move(event.clientX - drag.x, event.clientY - drag.y);
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
        camera.zoom(Math.exp(-event.deltaY * 0.0015), event.clientX - bounds.left, event.clientY - bounds.top);
      else camera.move(-event.deltaX, -event.deltaY);
    },
    { passive: false },
  );
}
