// The command lines that the pages show: every one is understood. They run without what they need, in an empty folder:
// that there is no image or Dockerfile is fine, a flag or a number of arguments that is wrong is not.
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
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
beforeAll(() => {
  folder = tempDir();
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  mkdirSync(join(folder, 'empty'));
  const cli = join(ROOT, 'dist', 'cli.js');
  const program = (skip: string) => `#!/bin/sh
${skip}
said=$('${process.execPath}' '${cli}' "$@" 2>&1 </dev/null)
[ $? != ${USAGE} ] || echo "$* -> $said" >>'${folder}/refused'
`;
  writeFileSync(join(bin, 'jettison'), program(''));
  writeFileSync(join(bin, 'npx'), program('[ "$1" = jettison-build ] || exit 0; shift'));
  for (const name of readdirSync(bin)) chmodSync(join(bin, name), 0o755);
});

describe.each(
  PAGES.map((page) => ({ page, lines: commandLines(page) })).filter(({ lines }) => lines.length > 0),
)('$page', ({ lines }) => {
  it.each(lines)('%s', async (line) => {
    const env = {
      PATH: join(folder, 'bin'),
      HOME: folder,
      JETTISON_HOME: join(folder, 'store'),
      USER: 'me',
      GIT_TOKEN: 'x',
    };
    await new Promise((resolve) =>
      execFile('/bin/sh', ['-c', line], { cwd: join(folder, 'empty'), env }, resolve),
    );
    const refused = join(folder, 'refused');
    // What `debug` opens is the last build of the folder, where there is one.
    const said = (existsSync(refused) ? readFileSync(refused, 'utf8') : '').replace(
      /^debug .*-> error: no build of this directory(?:.|\n)*/,
      '',
    );
    rmSync(refused, { force: true });
    expect(said).toBe('');
  });
});

it('finds the lines', () => {
  expect(commandLines('README.md')).toContain('npx jettison-build images');
  expect(PAGES.flatMap(commandLines).length).toBeGreaterThan(30);
});
