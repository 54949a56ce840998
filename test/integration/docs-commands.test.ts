// The command lines that the pages show: every one is understood. They run without what they need, in an empty folder:
// that there is no image or Dockerfile is fine, a flag or a number of arguments that is wrong is not.
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { runCommandLine } from '../support/command-line.ts';
import { tempDir } from '../support/temp-dir.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PAGES = [
  'README.md',
  'examples/README.md',
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
const USAGE = 2;

/** Lines of fenced blocks that call the command, whole; a synopsis is none. */
function commandLines(page: string): string[] {
  const text = readFileSync(join(ROOT, page), 'utf8');
  const blocks = [...text.matchAll(/^```(?:sh|bash|console|yaml)?\n(.*?)^```/gms)].map(([, block]) => block!);
  return blocks
    .flatMap((block) => block.replaceAll(/\\\n\s*/g, '').split('\n'))
    .map((line) => line.replace(/^\s*(?:\$ |(?:- )?run: )?/, ''))
    .filter((line) => /(^|\| )(npx jettison-build|jettison) /.test(line) && !/\[OPTIONS\]/.test(line))
    .map((line) =>
      line
        .replaceAll(/\$\{\{.*?\}\}/g, 'x')
        .replaceAll(/\b(ghcr\.io|[\w.]+\.example\.com)\b/g, '127.0.0.1:1'),
    );
}

let folder: string;
/** For each start of the command its arguments and its environment, each ended by a NUL. */
let calls: string;
beforeAll(() => {
  folder = tempDir();
  calls = join(folder, 'calls');
  const bin = join(folder, 'bin');
  for (const made of [bin, calls, join(folder, 'empty')]) mkdirSync(made);
  const program = (skip: string) => `#!/bin/sh
${skip}
[ $# = 0 ] || printf '%s\\0' "$@" >'${calls}'/$$.args
/usr/bin/env -0 >'${calls}'/$$.env
`;
  writeFileSync(join(bin, 'jettison'), program(''));
  writeFileSync(join(bin, 'npx'), program('[ "$1" = jettison-build ] || exit 0; shift'));
  for (const name of readdirSync(bin)) chmodSync(join(bin, name), 0o755);
});

/** The words of a file, which is deleted. */
function takeWords(path: string): string[] {
  if (!existsSync(path)) return [];
  const text = readFileSync(path, 'utf8');
  rmSync(path);
  return text.split('\0').slice(0, -1);
}

describe.each(
  PAGES.map((page) => ({ page, lines: commandLines(page) })).filter(({ lines }) => lines.length > 0),
)('$page', ({ lines }) => {
  it.each(lines)('%s', async (line) => {
    const variables = {
      PATH: join(folder, 'bin'),
      HOME: folder,
      JETTISON_HOME: join(folder, 'store'),
      USER: 'me',
      GIT_TOKEN: 'x',
    };
    const cwd = join(folder, 'empty');
    await new Promise((resolve) => execFile('/bin/sh', ['-c', line], { cwd, env: variables }, resolve));
    // The shell has split it; what comes of the words is seen here, which spares a process for each.
    const started = readdirSync(calls)
      .filter((name) => name.endsWith('.env'))
      .map((name) => join(calls, name.slice(0, -4)));
    expect(started).not.toEqual([]);
    for (const call of started) {
      const args = takeWords(`${call}.args`);
      const env = Object.fromEntries(takeWords(`${call}.env`).map((word) => word.split(/=(.*)/s)));
      // Others end by themselves.
      const watches = args.includes('--watch') && { signal: AbortSignal.timeout(300) };
      const { code, out, err } = await runCommandLine(args, { env, cwd, ...watches });
      // What `debug` opens is the last build of the folder, where there is one.
      if (args[0] === 'debug' && err.startsWith('error: no build of this directory')) continue;
      expect(code, `${args.join(' ')} -> ${out}${err}`).not.toBe(USAGE);
    }
  });
});

it('finds the lines', () => {
  expect(commandLines('README.md')).toContain('npx jettison-build images');
  expect(PAGES.flatMap(commandLines).length).toBeGreaterThan(30);
});
