import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ReportData } from './types.ts';

const scripts = [
  'dom.js',
  'plots.js',
  'table.js',
  'time.js',
  'overview.js',
  'layers.js',
  'draw.js',
  'camera.js',
  'minimap.js',
  'graph.js',
  'detail.js',
  'search.js',
  'panel.js',
  'tabs.js',
  'main.js',
] as const;
const styles = ['page.css', 'overview.css', 'graph.css'] as const;
const asset = (name: string): string => readFileSync(new URL(`./page/${name}`, import.meta.url), 'utf8');
const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** JSON that is safe inside a script element: no text of a model can end it, nor open a comment or another one. */
export const embed = (value: unknown): string =>
  JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);

const escaped = (text: string): string => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

/**
 * The report as one self-contained page. Its policy lets it load nothing and run only its own script and style, known by
 * their hashes: what a model's names hold stays text, whatever it says.
 */
export function renderReport(data: ReportData): string {
  const style = styles.map(asset).join('\n');
  const script = `'use strict';\n${scripts.map(asset).join('\n')}`;
  const policy = `default-src 'none'; script-src ${hash(script)}; style-src ${hash(style)}; base-uri 'none'; form-action 'none'`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(data.title)} · octet report</title>
<style>${style}</style>
</head>
<body>
<div id="app"></div>
<noscript>This report needs JavaScript. It loads nothing from anywhere.</noscript>
<script type="application/json" id="data">${embed(data)}</script>
<script>${script}</script>
</body>
</html>
`;
}
