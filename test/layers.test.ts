import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

/** The folders in pipeline order: each may import itself and those named with it, and no package but these. */
const layers: Readonly<Record<string, readonly string[]>> = {
  base: [],
  graph: ['base'],
  formats: ['base', 'graph'],
  optimize: ['base', 'graph'],
  quantize: ['base', 'graph', 'optimize'],
  asm: ['base'],
  kernels: ['base', 'graph', 'asm'],
  compile: ['base', 'graph', 'asm', 'kernels'],
  runtime: ['base', 'graph', 'asm', 'kernels', 'compile'],
  data: ['base', 'graph', 'formats'],
  zoo: ['base', 'graph', 'data'],
  api: ['base', 'graph', 'formats', 'optimize', 'quantize', 'kernels', 'compile', 'runtime', 'data', 'zoo'],
  tune: ['base', 'graph', 'quantize', 'data', 'runtime', 'api'],
  report: ['base', 'graph', 'quantize', 'data', 'runtime', 'api'],
  cli: ['base', 'graph', 'formats', 'quantize', 'runtime', 'data', 'zoo', 'api', 'tune', 'report', 'compile'],
};

const source = fileURLToPath(new URL('../src', import.meta.url));
const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
/** An import or re-export; of types only, it is gone when the code runs. */
const importPattern = /(?:(import|export)\s+(type\s)?[^;'"]*?from|import\s*\(?)\s*'([^']+)'/g;

type Import = { readonly file: string; readonly layer: string; readonly target: string; readonly isType: boolean };

const imports: readonly Import[] = files.flatMap((file) => {
  const [layer = ''] = file.includes('/') ? file.split('/') : [''];
  const text = readFileSync(join(source, file), 'utf8');
  return Array.from(text.matchAll(importPattern), ([, , type, target]) => ({
    file,
    layer,
    target: target!,
    isType: type !== undefined,
  }));
});

it('has a layer for every folder', () => {
  const folders = new Set(imports.map(({ layer }) => layer).filter((layer) => layer !== ''));
  expect([...folders].filter((folder) => !Object.hasOwn(layers, folder))).toEqual([]);
});

it('imports only towards the base', () => {
  const wrong = imports.flatMap(({ file, layer, target }) => {
    if (!target.startsWith('.') || layer === '') return [];
    const [to = ''] = relative(source, resolve(source, dirname(file), target)).split('/');
    return to === layer || layers[layer]!.includes(to) ? [] : [`${file} imports ${to}`];
  });
  expect(wrong).toEqual([]);
});

it('has no import that goes in a circle', () => {
  const edges = new Map<string, string[]>();
  for (const { file, target, isType } of imports) {
    if (!target.startsWith('.') || isType) continue;
    const to = relative(source, resolve(source, dirname(file), target));
    edges.set(file, [...(edges.get(file) ?? []), to]);
  }
  const state = new Map<string, 'open' | 'done'>();
  const circles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (state.get(file) === 'open') circles.push([...path.slice(path.indexOf(file)), file].join(' → '));
    if (state.has(file)) return;
    state.set(file, 'open');
    for (const to of edges.get(file) ?? []) visit(to, [...path, file]);
    state.set(file, 'done');
  };
  for (const file of files) visit(file, []);
  expect(circles).toEqual([]);
});
