import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderReport } from '../../src/report/html.ts';
import { openHost } from '../../src/runtime/native/host/host.ts';
import { hostile, smallReport } from './support.ts';

const host = await openHost();
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const isThere = existsSync(executablePath);
if (!isThere) console.warn(`no browser at ${executablePath}: the report is not looked at; set CHROMIUM to one`);

describe.skipIf(!isThere)('the report in a browser', () => {
  const folder = mkdtempSync(join(tmpdir(), 'octet-report-'));
  const file = join(folder, 'report.html');
  const requests: string[] = [];
  const problems: string[] = [];
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    writeFileSync(file, renderReport(await smallReport()));
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--disable-quic'] });
    page = await browser.newPage({ viewport: { width: 1200, height: 800 } });
    page.setDefaultTimeout(10_000);
    page.on('request', (request) => requests.push(request.url()));
    page.on('pageerror', (error) => problems.push(String(error)));
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
    await page.goto(pathToFileURL(file).href);
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true });
  });

  const detail = () => page.locator('.detail').textContent();

  it('shows what came out, and why nodes stay in fp32', async () => {
    const text = await page.locator('main').textContent();
    for (const part of [
      'Worst layers',
      'Stays in fp32',
      'third/conv',
      'excluded by the options',
      'answers are those of fp32',
      'Noise on the way',
    ])
      expect(text).toContain(part);
  });

  it('shows hostile names as text and runs nothing of them', async () => {
    expect(await page.locator('h1').textContent()).toBe(`small ${hostile}`);
    expect(await page.locator('img').count()).toBe(0);
    expect(await page.evaluate('window.owned')).toBeUndefined();
    expect(await page.title()).toContain(hostile);
  });

  it('goes from a layer to its int8 op, with ranges, noise and weights', async () => {
    await page.getByRole('tab', { name: 'Layers' }).click();
    await page.locator('td .link', { hasText: /^first$/ }).click();
    expect(await detail()).toContain('QuantizedConv2DWithBiasAndReluAndRequantize');
    for (const part of ['SQNR in', 'SQNR out', 'int8 covers', '8 channels']) expect(await detail()).toContain(part);
    expect(await page.locator('.detail .clip').count()).toBe(2);
  });

  it("marks what octet's engine alone computes in int8", async () => {
    await page.getByRole('button', { name: 'c · int8' }).click();
    await page.getByRole('button', { name: 'Show all' }).click();
    await page.locator('.node.island').first().click();
    expect(await detail()).toContain("octet's engine");
    expect(await page.locator('.region rect').count()).toBeGreaterThan(3);
  });

  it('names int8 ops by what they stand for', async () => {
    await page.getByRole('button', { name: 'c · int8' }).click();
    const names = await page.locator('.node.int8 .name').allTextContents();
    expect(names).toContain('first');
    expect(names.filter((name) => name.endsWith('/requantize'))).toEqual([]);
  });

  it.skipIf('unavailable' in host)("draws what each step takes at its node's foot", async () => {
    const widths = await page
      .locator('.node .took')
      .evaluateAll((lines) => lines.map((line) => Number(line.getAttribute('width'))));
    expect(widths.length).toBeGreaterThan(3);
    expect(Math.max(...widths)).toBe(196);
  });

  it.skipIf('unavailable' in host)('says where the time goes, step by step', async () => {
    await page.getByRole('tab', { name: 'Overview' }).click();
    expect(await page.locator('main').textContent()).toContain('each step alone');
    expect(await page.locator('.stacked').count()).toBe(2);
    await page.getByRole('tab', { name: 'Time' }).click();
    const steps = page.locator('tbody tr');
    const all = await steps.count();
    await page.getByLabel('Filter steps').fill('conv');
    expect(await steps.count()).toBeLessThan(all);
    await steps.locator('.link').first().click();
    expect(await detail()).toContain('takes');
  });

  it('goes from the line of noise to a layer', async () => {
    await page.getByRole('tab', { name: 'Overview' }).click();
    await page.locator('.point').nth(1).click();
    expect(await page.locator('.detail .title').textContent()).toContain('first');
  });

  it('walks, zooms and searches by the keyboard', async () => {
    await page.keyboard.press('ArrowUp');
    expect(await page.locator('.detail .title').textContent()).toContain('quantize');
    const scene = page.locator('.graph > g');
    const before = await scene.getAttribute('transform');
    await page.keyboard.press('+');
    expect(await scene.getAttribute('transform')).not.toBe(before);
    await page.keyboard.press('/');
    await page.keyboard.type('dequant');
    expect(await page.locator('.count').textContent()).toMatch(/^\d+ found$/);
    await page.keyboard.press('Enter');
    expect(await detail()).toContain('Dequantize');
    await page.keyboard.press('Escape');
    expect(await page.locator('.found').count()).toBe(0);
  });

  it('says why a node of the graph stayed in fp32, at each stage', async () => {
    for (const stage of ['a · fp32', 'b · quantized', 'c · int8', 'd · as run']) {
      await page.getByRole('button', { name: stage }).click();
      await page.getByRole('button', { name: 'Show all' }).click();
      await page.locator('.node.fp32').click();
      expect(await detail()).toContain('Stays in fp32: excluded by the options.');
    }
  });

  it('moves by dragging and by the map', async () => {
    const scene = page.locator('.graph > g');
    const places = [await scene.getAttribute('transform')];
    await page.mouse.move(80, 500);
    await page.mouse.down();
    await page.mouse.move(180, 560, { steps: 4 });
    await page.mouse.up();
    places.push(await scene.getAttribute('transform'));
    await page.locator('.minimap').click({ position: { x: 40, y: 200 } });
    places.push(await scene.getAttribute('transform'));
    expect(new Set(places).size).toBe(3);
  });

  it('is light or dark', async () => {
    const paper = () => page.evaluate('getComputedStyle(document.body).backgroundColor');
    const first = await paper();
    await page.getByRole('button', { name: 'Light or dark' }).click();
    expect(await paper()).not.toBe(first);
  });

  it('shows what tuning tried', async () => {
    await page.getByRole('tab', { name: 'Trials' }).click();
    expect(await page.locator('main').textContent()).toContain('too low');
    expect(await page.locator('.dot').count()).toBe(2);
  });

  it('asks for nothing but itself, and breaks no rule of its policy', () => {
    expect(requests).toEqual([pathToFileURL(file).href]);
    expect(problems).toEqual([]);
  });
});
