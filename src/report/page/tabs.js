/** The tabs and the panel they fill. `tabs`: id, title, what makes its content, once; `opened` is told the id. */
function tabsOf(tabs, opened) {
  const panel = element('main', { id: 'panel', role: 'tabpanel', tabindex: -1 });
  const made = new Map();
  const buttons = tabs.map(([id, title]) =>
    element(
      'button',
      {
        type: 'button',
        role: 'tab',
        id: `tab-${id}`,
        'aria-controls': 'panel',
        onclick: () => open(id),
        onkeydown: (event) => onKey(event),
      },
      title,
    ),
  );

  function open(id) {
    tabs.forEach(([each, , make], i) => {
      const isOpen = each === id;
      buttons[i].setAttribute('aria-selected', String(isOpen));
      buttons[i].tabIndex = isOpen ? 0 : -1;
      if (!isOpen) return;
      if (!made.has(id)) made.set(id, make());
      panel.replaceChildren(made.get(id));
      panel.setAttribute('aria-labelledby', `tab-${id}`);
    });
    panel.dataset.view = id;
    opened(id);
    history.replaceState(null, '', `#${id}`);
  }

  function onKey(event) {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (by === undefined) return;
    const next = (buttons.indexOf(event.currentTarget) + by + tabs.length) % tabs.length;
    open(tabs[next][0]);
    buttons[next].focus();
  }

  return { panel, list: element('div', { role: 'tablist', 'aria-label': 'Views' }, ...buttons), open };
}

/** Light or dark, whatever the system prefers. */
function themeButton(changed) {
  const preferred = () => (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
  const others = { light: 'dark', dark: 'light' };
  const onclick = () => {
    document.documentElement.dataset.theme = others[document.documentElement.dataset.theme ?? preferred()];
    changed();
  };
  const title = 'Light or dark';
  return element('button', { type: 'button', class: 'theme', title, 'aria-label': title, onclick }, '◐');
}
