import { accessSync, constants } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';
import { findProgram } from './machine-network.ts';

/** The machine's own Chromium; a reason where there is none. */
export async function startBrowser(): Promise<Browser | string> {
  const executablePath = process.env['JETTISON_CHROMIUM'] ?? findProgram('chromium') ?? findProgram('chrome');
  if (executablePath === undefined) return 'chromium is not installed';
  try {
    accessSync(executablePath, constants.X_OK);
    // Its sandbox does not start as root, and not in every container.
    return await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  } catch (error) {
    return `chromium does not start: ${(error as Error).message.split('\n')[0]}`;
  }
}

/** A page, and everything that went wrong in it: errors, and what its policy refused. */
export interface OpenedPage {
  page: Page;
  problems: string[];
  /** Requests for anything but the file itself. */
  requests: string[];
}

export interface View {
  width?: number;
  height?: number;
  colorScheme?: 'light' | 'dark';
}

export async function openFile(browser: Browser, path: string, view: View = {}): Promise<OpenedPage> {
  const { width = 1280, height = 900, colorScheme = 'light' } = view;
  const page = await browser.newPage({ viewport: { width, height }, colorScheme, bypassCSP: false });
  const problems: string[] = [];
  const requests: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text());
  });
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('dialog', (dialog) => {
    problems.push(`a dialog says ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => requests.push(request.url()));
  await page.addInitScript(
    "document.addEventListener('securitypolicyviolation', (event) => console.error('policy: ' + event.violatedDirective + ' ' + event.blockedURI))",
  );
  await page.goto(`file://${path}`);
  return { page, problems, requests: requests.filter((url) => url !== `file://${path}`) };
}
