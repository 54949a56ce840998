import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { tempDir } from '../support/temp-dir.ts';

const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));
const ID = /^sha256:[0-9a-f]{64}$/;
let folder: string;

beforeAll(async () => {
  folder = tempDir();
  await mkdir(join(folder, 'context'));
  await writeFile(join(folder, 'context', 'Dockerfile'), 'FROM scratch\nCOPY a.txt /\nLABEL by=test\n');
  await writeFile(join(folder, 'context', 'a.txt'), 'a\n');
});

/** Runs `jettison build` in the test's folder, with a store of its own. */
function build(args: string[], stdin?: string): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    const env = { PATH: process.env['PATH'], HOME: folder, JETTISON_HOME: join(folder, 'store') };
    const child = execFile(
      process.execPath,
      [cli, 'build', ...args],
      { cwd: folder, env },
      (error, out, err) => resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    );
    child.stdin?.end(stdin);
  });
}

describe('jettison build', () => {
  test('prints progress on standard error and nothing on standard output', async () => {
    const { code, out, err } = await build(['-t', 'app', '-t', 'app:1', 'context']);
    expect({ code, out }).toEqual({ code: 0, out: '' });
    expect(err).toContain('#1 [stage-0 1/1] COPY a.txt /\n#1 DONE ');
    expect(err).toMatch(/^Image {2}sha256:[0-9a-f]{64}$/m);
    expect(err).toContain('\nTags   app:latest, app:1\n');
  });

  test('shows which steps were cached', async () => {
    await build(['context']);
    expect((await build(['context'])).err).toContain('\nSteps  1: 1 cached\n');
  });

  test('-q prints the id alone; --iidfile and --metadata-file hold the facts', async () => {
    const { code, out, err } = await build(
      '-q -t app --iidfile id --metadata-file meta.json context'.split(' '),
    );
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out.trimEnd()).toMatch(ID);
    expect(await readFile(join(folder, 'id'), 'utf8')).toBe(out.trimEnd());
    expect(JSON.parse(await readFile(join(folder, 'meta.json'), 'utf8'))).toEqual({
      'containerimage.config.digest': out.trimEnd(),
      'containerimage.descriptor': expect.objectContaining({ digest: expect.stringMatching(ID) }),
      'containerimage.digest': expect.stringMatching(ID),
      'image.name': 'docker.io/library/app:latest',
    });
  });

  test('reads the Dockerfile from standard input, and events can be read by programs', async () => {
    const { code, err } = await build(
      ['-f', '-', '--progress=rawjson', 'context'],
      'FROM scratch\nCOPY . /all/\n',
    );
    expect(code).toBe(0);
    const events = err
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).type);
    expect(events[0]).toBe('build.started');
    expect(events).toContain('step.finished');
    expect(events.at(-1)).toBe('build.finished');
  });

  test('a build that fails leaves no id of an earlier one', async () => {
    await build(['--iidfile', 'id', 'context']);
    const { code, out, err } = await build(
      ['--iidfile', 'id', '-f', '-', 'context'],
      'FROM scratch\nCOPPY a b\n',
    );
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toContain('Dockerfile:2:1\n  2 | COPPY a b\n    | ^^^^^\n');
    expect(existsSync(join(folder, 'id'))).toBe(false);
  });

  test('a wrong flag is found before anything is done', async () => {
    const { code, err } = await build(['--tagg', 'app', 'context']);
    expect({ code, err }).toEqual({
      code: 2,
      err: 'error: unknown option --tagg\nhint: Did you mean --tag?\n',
    });
  });
});
