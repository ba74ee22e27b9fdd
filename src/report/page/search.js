/** Finds nodes of the stage by name or op; Enter goes from one to the next. */
function searchBox(graph, nodes) {
  let found = [];
  let at = -1;
  const count = element('output', { class: 'count' });
  const input = element('input', {
    type: 'search',
    placeholder: 'find nodes  ( / )',
    'aria-label': 'Find nodes by name or op',
    oninput: () => find(),
    onkeydown: (event) => onKey(event),
  });

  function find() {
    const wanted = input.value.trim().toLowerCase();
    const matches = ({ name, op }) => wanted !== '' && `${name} ${op}`.toLowerCase().includes(wanted);
    found = nodes().flatMap((node, i) => (matches(node) ? [i] : []));
    at = -1;
    graph.mark(new Set(found));
    count.textContent = wanted === '' ? '' : `${found.length} found`;
  }

  function onKey(event) {
    if (event.key === 'Enter' && found.length > 0) {
      at = (at + (event.shiftKey ? found.length - 1 : 1)) % found.length;
      graph.select(found[at], true);
      count.textContent = `${at + 1} of ${found.length}`;
    } else if (event.key === 'Escape') {
      input.value = '';
      find();
      graph.view.focus();
    }
  }

  return { input, count, find };
}
