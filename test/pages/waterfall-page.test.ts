import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import axe from 'axe-core';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { type WaterfallFacts, waterfallPage } from '../../src/timings/waterfall-page.ts';
import { type OpenedPage, openFile, startBrowser, type View } from '../support/browser.ts';
import { tempDir } from '../support/temp-dir.ts';
import { part, sample, timingsOf } from '../unit/timings/parts.ts';

const FACTS: WaterfallFacts = { title: 'app:1', facts: [['Result', 'done']], version: '1.0.0' };
let browser: Browser | string;
let folder: string;

beforeAll(async () => {
  browser = await startBrowser();
  folder = tempDir();
});
afterAll(async () => {
  if (typeof browser !== 'string') await browser.close();
});

async function show(
  ctx: TestContext,
  timings = sample(),
  facts = FACTS,
  view: View = {},
): Promise<OpenedPage> {
  if (typeof browser === 'string') return ctx.skip(browser);
  const path = join(folder, 'page.html');
  writeFileSync(path, waterfallPage(timings, facts));
  return openFile(browser, path, view);
}

describe('the page of a build', () => {
  test('has a row a part, its bars where and as long as they were', async (ctx) => {
    const { page, problems, requests } = await show(ctx);
    const titles = await page.locator('tbody th').allTextContents();
    const critical = 'On the critical path: ';
    expect(titles.map((title) => title.replace(critical, '*'))).toEqual([
      ...[
        '*plan',
        '*[a 1/3] FROM node:20',
        '*[a 2/3] RUN npm ci',
        '*a/3',
        '[b 2/2] RUN lint',
        '*export image',
      ],
    ]);
    const svg = page.locator('tbody tr:nth-child(3) svg');
    expect(await svg.getAttribute('aria-label')).toBe(
      'materialise 0.2s, start 0.1s, run 5.2s, scan 0.5s, pack 0.8s',
    );
    const whole = (await svg.boundingBox())!;
    const run = (await svg.locator('rect.run').boundingBox())!;
    expect((run.x - whole.x) / whole.width).toBeCloseTo(0.33, 2);
    expect(run.width / whole.width).toBeCloseTo(0.52, 2);
    expect({ problems, requests }).toEqual({ problems: [], requests: [] });
    await page.close();
  });

  const views = [
    { width: 1280, colorScheme: 'light' },
    { width: 1280, colorScheme: 'dark' },
    { width: 400, colorScheme: 'light' },
    { width: 400, colorScheme: 'dark' },
    { width: 360, colorScheme: 'light' },
  ] as const;
  for (const view of views) {
    test(`is accessible, and no wider than the window: ${view.width} ${view.colorScheme}`, async (ctx) => {
      const { page } = await show(ctx, sample(), FACTS, view);
      // The page's policy allows no script: the checker comes by the debugger.
      await page.evaluate(axe.source);
      const { violations } = (await page.evaluate('axe.run()')) as axe.AxeResults;
      expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(view.width);
      await page.close();
    });
  }

  test('shows what a build says as text, and runs none of it', async (ctx) => {
    const evil = `<script>alert(1)</script><img src=x onerror="alert(2)">'"&\x1b[2J\u202e`;
    const one = { ...part('a/1', [[0, 10]]), title: evil };
    const facts = { ...FACTS, title: evil, facts: [[evil, evil]] as const };
    const { page, problems, requests } = await show(ctx, timingsOf([one]), facts);
    expect(await page.locator('tbody th').innerText()).toContain('<script>alert(1)</script>');
    expect(await page.locator('script, img').count()).toBe(0);
    expect({ problems, requests }).toEqual({ problems: [], requests: [] });
    await page.close();
  });
});
