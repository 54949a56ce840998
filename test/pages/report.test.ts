import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { reportData } from '../../src/report/columns.ts';
import { reportPage } from '../../src/report/page-file.ts';
import { type OpenedPage, openFile, startBrowser, type View } from '../support/browser.ts';
import { TestBuilds } from '../support/build.ts';
import { type MadeUp, type MadeUpFile, reported } from '../support/descriptions.ts';
import { eventually } from '../support/sandbox.ts';
import { tempDir } from '../support/temp-dir.ts';

const APP: MadeUp = {
  origins: [
    { kind: 'copy', text: 'COPY --from=deps', path: '' },
    { kind: 'run', text: 'RUN npm ci', stage: 'deps', location: { file: 'Dockerfile', line: 12 }, path: '' },
  ],
  base: { layers: 1, name: 'node:20' },
  instructions: [
    { text: 'RUN install node', keyword: 'RUN', layer: 0 },
    {
      ...{ text: 'COPY /app/node_modules ./node_modules', keyword: 'COPY', layer: 1, from: 'deps' },
      ...{ location: { file: 'Dockerfile', line: 31 }, stage: 'production', durationMs: 1200 },
    },
    { text: 'RUN rm -rf big', keyword: 'RUN', layer: 2 },
    { text: 'CMD ["node"]', keyword: 'CMD' },
  ],
  packages: [
    { id: 'express', requires: ['lodash'], askedBy: { path: 'app/package.json', line: 14 } },
    { id: 'lodash', license: 'MIT' },
  ],
  files: [
    { path: 'usr/bin/node', bytes: 90_000_000, kind: 'runtime' },
    { path: 'usr/lib/libc.so', bytes: 2_000_000, kind: 'base' },
    { path: 'app/node_modules/lodash/lodash.js', bytes: 1_400_000, kind: 'npm', layer: 1, package: 'lodash' },
    {
      path: 'app/node_modules/express/index.js',
      bytes: 9_000_000,
      kind: 'npm',
      layer: 1,
      package: 'express',
    },
    { path: 'app/src/server.js', bytes: 3_000_000, kind: 'application', layer: 2 },
  ],
  waste: [{ path: 'big', bytes: 5_000_000, layer: 1, by: 2, reason: 'deleted' }],
  config: { User: 'node', Env: ['A=1', 'B=2'], ExposedPorts: { '80/tcp': {} } },
};
const NEXT: MadeUp = {
  ...APP,
  label: 'app:2',
  files: [...APP.files.slice(1), { path: 'app/new.js', bytes: 4_000_000, kind: 'application', layer: 2 }],
  waste: [],
  config: { User: 'root' },
};

let browser: Browser | string;
let folder: string;
beforeAll(async () => {
  browser = await startBrowser();
  folder = tempDir();
});
afterAll(async () => {
  if (typeof browser !== 'string') await browser.close();
});

const htmlOf = (...images: MadeUp[]) => buffer(reportPage(reportData(images.map(reported))));

let serial = 0;
/** Opens the report of images; the test is skipped where there is no browser. */
async function open(ctx: TestContext, images: MadeUp[], view?: View): Promise<OpenedPage> {
  if (typeof browser === 'string') return ctx.skip(browser);
  const path = join(folder, `${++serial}.html`);
  writeFileSync(path, await htmlOf(...images));
  const opened = await openFile(browser, path, view);
  await opened.page.waitForSelector('.box');
  return opened;
}

async function axeViolations(page: Page): Promise<string[]> {
  // Past the policy, which allows no further script: the test's own, in a world of its own.
  await page.evaluate(axe.source);
  return (await page.evaluate(
    "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ': ' + html)))",
  )) as string[];
}

const details = (page: Page) => page.locator('.right').innerText();
const choice = (page: Page, name: string) =>
  page.locator('label', { hasText: new RegExp(`^${name}`) }).locator('select');
const box = (page: Page, name: string) => page.locator(`.box[aria-label^="${name},"]`).first();

describe('a page', () => {
  test.for([
    ['wide and light', {}],
    ['wide and dark', { colorScheme: 'dark' }],
    ['of 400 px and light', { width: 400 }],
    ['of 400 px and dark', { width: 400, colorScheme: 'dark' }],
  ] as [string, View][])('%s has no error, asks for nothing, and passes axe', async ([, view], ctx) => {
    for (const images of [[APP], [APP, NEXT]]) {
      const { page, problems, requests } = await open(ctx, images, view);
      for (const tab of await page.locator('[role=tab]').all()) {
        await tab.click();
        expect(await axeViolations(page)).toEqual([]);
      }
      const { width = 1280 } = view;
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
      expect(problems).toEqual([]);
      expect(requests).toEqual([]);
      await page.close();
    }
  });

  test('runs no other script than its own', async (ctx) => {
    const { page, problems } = await open(ctx, [APP]);
    await page.evaluate(
      "{ const made = document.createElement('script'); made.textContent = 'window.mine = 1'; document.body.append(made); fetch('https://example.invalid/').catch(() => {}); }",
    );
    expect(await page.evaluate('window.mine')).toBeUndefined();
    await eventually(
      'the policy refuses both',
      () =>
        problems.some((text) => text.includes('script-src')) &&
        problems.some((text) => text.includes('connect-src')),
    );
    expect(problems.join('\n')).toMatch(/script-src/);
  });

  test('shows the reason chain of the tile under the pointer', async (ctx) => {
    const { page } = await open(ctx, [APP]);
    await box(page, 'lodash.js').hover();
    const text = (await details(page)).replaceAll(/\s+/g, ' ');
    for (const part of [
      '/app/node_modules/lodash/lodash.js',
      'lodash@1.0.0',
      'MIT',
      'express@1.0.0 ← app/package.json:14',
      'COPY /app/node_modules ./node_modules',
      'Dockerfile:31',
      'stage deps',
      'RUN npm ci Dockerfile:12, stage deps',
      'sha256:',
    ]) {
      expect(text).toContain(part);
    }
  });

  test('has one line per instruction, with added and wasted bytes', async (ctx) => {
    const { page } = await open(ctx, [APP]);
    const left = (await page.locator('.left').innerText()).replaceAll(/\s+/g, ' ');
    expect(left).toContain('FROM node:20');
    expect(left).toContain('31 COPY /app/node_modules ./node_modules 15.4MB, 5MB wasted · 1.2s');
    expect(left).toContain('CMD ["node"]');
    await page.locator('.left button', { hasText: 'COPY' }).click();
    expect(await page.locator('.found').innerText()).toContain('10.4MB in 2 files');
  });

  test('is zoomed by clicks and crumbs', async (ctx) => {
    const { page } = await open(ctx, [APP]);
    await box(page, 'app').click({ position: { x: 20, y: 8 } });
    expect(await page.locator('.crumbs').innerText()).toContain('app');
    expect(await box(page, 'node').count()).toBe(0);
    await page.locator('.crumbs button').first().click();
    await box(page, 'node').waitFor();
    expect(await page.locator('.crumbs').innerText()).toBe('all files');
    await box(page, 'lodash.js').dblclick();
    expect((await page.locator('.crumbs').innerText()).replaceAll(/\s/g, '')).toBe('allfiles/app');
  });

  test('is used by keys alone', async (ctx) => {
    const { page } = await open(ctx, [APP]);
    const active = () =>
      page.evaluate(
        "document.getElementById(document.querySelector('.treemap').getAttribute('aria-activedescendant')).getAttribute('aria-label')",
      );
    await page.keyboard.press('/');
    await page.keyboard.type('LODASH');
    expect(await page.locator('.found').innerText()).toContain('1.4MB in 1 file');
    await page.keyboard.press('Escape');
    expect(await page.locator('.found').count()).toBe(0);
    await page.locator('.treemap').focus();
    await page.keyboard.press('ArrowDown');
    expect(await active()).toMatch(/^usr,/);
    await page.keyboard.press('ArrowRight');
    expect(await active()).toMatch(/^app,/);
    await page.keyboard.press('Enter');
    expect(await page.locator('.crumbs').innerText()).toContain('app');
    await page.keyboard.press('Escape');
    expect(await page.locator('.crumbs').innerText()).toBe('all files');
    await page.locator('[role=tab]').first().focus();
    await page.keyboard.press('ArrowRight');
    expect(await page.locator('[role=tab][aria-selected=true]').innerText()).toBe('Waste');
    expect(await page.locator('[role=tabpanel]:visible').innerText()).toContain('/big');
  });

  test('searches in the tables, too', async (ctx) => {
    const { page } = await open(ctx, [APP]);
    const rows = page.locator('[role=tabpanel]:visible tbody tr');
    expect(await rows.count()).toBe(2);
    await page.locator('input[type=search]').fill('express');
    expect(await rows.count()).toBe(1);
    await page.locator('input[type=search]').fill('nothing like it');
    expect(await page.locator('[role=tabpanel]:visible').innerText()).toContain('There are no packages with');
    expect(await page.locator('.box:not(.dim)').count()).toBe(0);
  });

  test('has other colours and groups', async (ctx) => {
    const { page } = await open(ctx, [APP]);
    const legend = () => page.locator('.legend').innerText();
    expect(await legend()).toContain('npm, production');
    for (const [by, text] of [
      ['layer', 'COPY /app/node_modules'],
      ['stage', 'stage deps'],
      ['package', 'lodash@1.0.0'],
    ]) {
      await choice(page, 'Colour').selectOption(by!);
      expect(await legend()).toContain(text);
      await choice(page, 'Group').selectOption(by!);
      expect(await page.locator('.box.open').allInnerTexts()).toContainEqual(expect.stringContaining(text!));
    }
  });

  test('puts two images side by side, and tells the difference', async (ctx) => {
    const { page } = await open(ctx, [APP, NEXT]);
    expect(await page.locator('.treemap').count()).toBe(2);
    const panel = (await page.locator('[role=tabpanel]:visible').innerText()).replaceAll(/\s+/g, ' ');
    expect(panel).toContain('/usr/bin/node removed 90MB −90MB');
    expect(panel).toContain('/app/new.js added 4MB +4MB');
    expect(panel).toContain('Final tree 105MB 19.4MB −86MB (−82 %)');
    await choice(page, 'Colour').selectOption('change');
    expect(await page.locator('.legend').innerText()).toMatch(/unchanged[\s\S]*added/);
    await page.locator('[role=tab]', { hasText: 'Config' }).click();
    expect(await page.locator('tr.changed', { hasText: 'User' }).innerText()).toMatch(/node\s+root/);
  });

  test('is printed with all its tables', async (ctx) => {
    const { page } = await open(ctx, [APP]);
    await page.emulateMedia({ media: 'print' });
    await page.evaluate("dispatchEvent(new Event('beforeprint'))");
    expect(await page.locator('[role=tabpanel]:visible').count()).toBe(6);
    expect(await page.locator('.controls:visible').count()).toBe(0);
    await page.evaluate("dispatchEvent(new Event('afterprint'))");
    expect(await page.locator('[role=tabpanel]:visible').count()).toBe(1);
    expect((await page.pdf({ format: 'A4' })).length).toBeGreaterThan(10_000);
  });

  test('of a large image is small, and draws a bounded number of boxes', async (ctx) => {
    const files = Array.from({ length: 20_000 }, (_, at): MadeUpFile => {
      const name = `p${at % 700}`;
      return {
        ...{
          path: `app/node_modules/${name}/lib/${at.toString(36)}-${(at * 7919) % 104729}.js`,
          bytes: (at * 7919) % 20_011,
        },
        ...{ kind: 'npm', layer: 0, package: name },
      };
    });
    const packages = Array.from({ length: 700 }, (_, at) => ({ id: `p${at}` }));
    const image = { files, packages };
    expect((await htmlOf(image)).length).toBeLessThan(1_500_000);
    const { page, problems } = await open(ctx, [image]);
    expect(await page.locator('.box').count()).toBeLessThan(8000);
    expect(problems).toEqual([]);
  });

  test('of an image without a byte says so', async (ctx) => {
    if (typeof browser === 'string') return ctx.skip(browser);
    const path = join(folder, 'empty.html');
    writeFileSync(path, await htmlOf({ files: [], instructions: [] }));
    const { page, problems } = await openFile(browser, path);
    await page.getByText('There are no bytes here.').waitFor();
    expect(problems).toEqual([]);
    expect(await axeViolations(page)).toEqual([]);
  });
});

describe('names of an image', () => {
  const EVIL = [
    '</script><script>alert(1)</script>',
    '<img src=x onerror=alert(1)>',
    '"><svg onload=alert(1)>',
    '\u202egpj.exe',
    'esc\u001b[2Jape',
    '{{data}}',
    '$& $1',
    '\udc80\udcff',
    '__proto__',
    'constructor',
  ];
  const image = (label: string): MadeUp => ({
    label,
    files: EVIL.map((name, at) => ({
      ...{
        path: `${name.replaceAll('/', '')}/${name.replaceAll('/', '')}${at}`,
        bytes: 1000 + at,
        layer: 0,
        package: name,
      },
    })),
    packages: EVIL.map((name) => ({
      id: name,
      name,
      version: name,
      path: name,
      license: name,
      requires: EVIL,
    })),
    instructions: [
      {
        text: EVIL.join(' '),
        keyword: 'RUN',
        layer: 0,
        stage: EVIL[0]!,
        location: { file: EVIL[0]!, line: 1 },
      },
      { text: '', keyword: '', layer: 1, from: EVIL[1]!, created: EVIL[2]! },
    ],
    waste: EVIL.map((path) => ({ path, bytes: 1, layer: 0, by: 1, reason: 'deleted' as const })),
    base: { layers: 0, name: EVIL[0]! },
    config: { User: EVIL[0]!, Labels: Object.fromEntries(EVIL.map((name) => [name, name])), Env: EVIL },
  });

  test('are texts, wherever they are shown', async (ctx) => {
    for (const images of [[image(EVIL.join(''))], [image(EVIL[0]!), image(EVIL[3]!)]]) {
      const { page, problems, requests } = await open(ctx, images);
      for (const by of ['layer', 'stage', 'package', 'kind']) {
        await choice(page, 'Colour').selectOption(by);
        await choice(page, 'Group').selectOption(by);
      }
      for (const tab of await page.locator('[role=tab]').all()) {
        await tab.click();
        await page.locator('[role=tabpanel]:visible').innerText();
      }
      await page.locator('.box').last().hover();
      expect(await page.locator('img, svg, script[src], [onerror], [onload]').count()).toBe(0);
      const shown = (await page.evaluate(
        'document.title + document.body.innerText + document.body.innerHTML',
      )) as string;
      expect(shown).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
      expect(shown).toContain('\\u202e');
      expect(shown).toContain('\\x1b');
      expect(await page.title()).toContain(EVIL[0]);
      expect(problems).toEqual([]);
      expect(requests).toEqual([]);
      await page.close();
    }
  });

  test('are in the file only as base64, and escaped in its title', async () => {
    const html = (await htmlOf(image(EVIL.join('')))).toString();
    expect(html.match(/<script/g)).toHaveLength(2);
    const own = html.replace(/<style>.*<\/style>/s, '').replace(/<script>.*<\/script>/s, '');
    expect(own).not.toMatch(/<img|<svg|\u202e|\u001b/);
    expect(html.match(/<title>.*/)![0]).toContain('&#60;/script&#62;');
  });
});

describe('jettison report', () => {
  let builds: TestBuilds;
  beforeAll(async () => {
    builds = await TestBuilds.create();
    builds.write({ a: 'aaa', b: 'bb' });
    await builds.build('FROM scratch\nCOPY a /x/\n', { tags: ['one'] });
    await builds.build('FROM scratch\nCOPY a b /x/\n', { tags: ['two'] });
  });
  afterAll(() => builds.remove());
  const report = (...args: string[]) => builds.command(['report', ...args], { cwd: builds.folder });
  const partials = () => readdirSync(builds.folder).filter((name) => name.includes('partial'));

  test('writes a page about an image of the store', async (ctx) => {
    expect(await report('one', 'two', '-o', 'page.html')).toMatchObject({ code: 0, out: '' });
    expect(partials()).toEqual([]);
    if (typeof browser === 'string') return ctx.skip(browser);
    const { page, problems } = await openFile(browser, join(builds.folder, 'page.html'));
    await page.locator('tr', { hasText: '/x/b' }).waitFor();
    expect(await page.locator('h1').innerText()).toBe('one:latest → two:latest');
    expect(problems).toEqual([]);
  });

  test('writes to standard output', async () => {
    const { code, out, err } = await report('one', '-o', '-');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^<!doctype html>[\s\S]*<\/html>\n$/);
  });

  test('gives its data as JSON', async () => {
    const one = JSON.parse((await report('one', '--json')).out);
    expect(one).toMatchObject({ version: 1, files: [{ path: 'x/a', bytes: 3, layer: 0 }] });
    expect(JSON.parse((await report('one', 'two', '--json')).out)).toHaveLength(2);
  });

  test('refuses a folder, and keeps the old file on failure', async () => {
    mkdirSync(join(builds.folder, 'folder'));
    expect(await report('one', '-o', 'folder')).toMatchObject({
      code: 1,
      err: expect.stringContaining('is a directory'),
    });
    writeFileSync(join(builds.folder, 'kept.html'), 'kept');
    expect(await report('none:such', '-o', 'kept.html')).toMatchObject({ code: 1 });
    expect(readFileSync(join(builds.folder, 'kept.html'), 'utf8')).toBe('kept');
    expect(await report('one', '-o', 'missing/page.html')).toMatchObject({ code: 1 });
    expect(partials()).toEqual([]);
  });

  test('shows the page in the browser', async () => {
    const program = join(builds.folder, 'browser');
    const seen = join(builds.folder, 'seen');
    writeFileSync(program, `#!/bin/sh\necho "$1" > ${seen}\n`);
    chmodSync(program, 0o755);
    const opened = (BROWSER: string) =>
      builds.run(['report', 'one', '-o', 'shown.html', '--open'], { cwd: builds.folder, env: { BROWSER } });
    expect(await opened(program)).toMatchObject({ code: 0 });
    await eventually(
      'the browser starts',
      () => existsSync(seen) && readFileSync(seen, 'utf8') === `${join(builds.folder, 'shown.html')}\n`,
    );
    expect(await opened(join(builds.folder, 'none'))).toMatchObject({
      code: 1,
      err: expect.stringContaining('cannot start a browser'),
    });
  });

  test.each([
    [[], 'missing argument IMAGE'],
    [['one', '-o', '-', '--open'], '--open needs a file'],
  ])('refuses %j', async (args, message) => {
    expect(await report(...args)).toMatchObject({ code: 2, err: expect.stringContaining(message) });
  });
});
