import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PassThrough } from 'node:stream';
import { beforeAll, describe, expect, test } from 'vitest';
import { command as build } from '../../../src/cli/commands/build.ts';
import { command as lint } from '../../../src/cli/commands/lint.ts';
import { fakeIo } from '../../support/fake-io.ts';
import { tempDir } from '../../support/temp-dir.ts';

let folder: string;
const BAD = 'FROM alpine AS Base\nENV A=$x TOKEN=1\nCMD run\n';

beforeAll(() => {
  folder = tempDir();
  writeFileSync(join(folder, 'Dockerfile'), BAD);
  writeFileSync(join(folder, 'good'), 'FROM scratch\nCOPY a /\n');
  writeFileSync(join(folder, 'broken'), 'FROM scratch\nCOPPY a /\n');
  writeFileSync(join(folder, 'good.dockerignore'), 'a\n');
  writeFileSync(
    join(folder, 'stages'),
    '# one is first\nFROM scratch AS one\nARG V=1\nFROM scratch AS two\nRUN --mount=type=secret,id=s true\n',
  );
});

async function run(command: typeof lint, args: string[], stdin = '', env: Record<string, string> = {}) {
  const { io, stdout } = fakeIo({ env: { ...env, JETTISON_HOME: join(folder, 'store') } });
  (io.stdin as unknown as PassThrough).end(stdin);
  const code = await command.run(args, { ...io, cwd: folder });
  return { code, out: stdout.text };
}
const at = (name: string) => join(folder, name);

describe('jettison lint', () => {
  test('shows findings with their lines, and the bases that it could not check', async () => {
    const { code, out } = await run(lint, []);
    expect(code).toBe(1);
    expect(out).toContain(
      '[StageNameCasing] (Dockerfile:1)\n  1 | FROM alpine AS Base\n    |                ^^^^\n  hint: ',
    );
    expect(out).toContain('[SecretsUsedInArgOrEnv] (Dockerfile:2)');
    expect(out).toContain('\n  rule: docs/rules/SecretsUsedInArgOrEnv.md\n');
    expect(out).toContain('Not looked at: alpine:latest. What depends on them was not checked.');
    expect(out).toMatch(/\n4 findings\.\n$/);
    expect(out).not.toContain('UndefinedVar');
    expect((await run(lint, ['--rules=docker'])).out).toMatch(/\n2 findings\.\n$/);
  });

  test('says so when there is nothing', async () => {
    expect(await run(lint, [at('good')])).toEqual({ code: 0, out: 'Nothing to complain about.\n' });
  });

  test('takes a directory for the Dockerfile in it', async () => {
    expect((await run(lint, [folder])).out).toBe((await run(lint, [at('Dockerfile')])).out);
    mkdirSync(at('empty'), { recursive: true });
    await expect(run(lint, [at('empty')])).rejects.toThrow('empty/Dockerfile" does not exist');
  });

  test.each([
    ['--image and --built exclude each other', ['--image=a', '--built']],
    ['--image is of one Dockerfile', ['--image=a', 'good', 'broken']],
    ['fixes are of the text alone', ['--built', '--fix']],
  ])('%s', async (message, args) => {
    await expect(run(lint, args)).rejects.toMatchObject({ message, exitCode: 2 });
  });

  test('reads standard input', async () => {
    const { code, out } = await run(lint, ['-'], 'FROM scratch\nMAINTAINER me\n');
    expect(code).toBe(1);
    expect(out).toContain('[MaintainerDeprecated] (Dockerfile:2)');
  });

  test('a file that cannot be parsed is a finding, too', async () => {
    const { code, out } = await run(lint, [at('broken'), at('good')]);
    expect(code).toBe(1);
    expect(out).toContain('broken:2:1');
  });

  test('--format json', async () => {
    const { code, out } = await run(lint, [
      '--format=json',
      '--rules=docker',
      at('Dockerfile'),
      at('broken'),
    ]);
    expect(code).toBe(1);
    const [bad, broken] = JSON.parse(out);
    expect(bad.warnings[0]).toEqual({
      ruleName: 'StageNameCasing',
      description: expect.any(String),
      url: 'https://docs.docker.com/go/dockerfile/rule/stage-name-casing/',
      detail: expect.stringContaining('Base'),
      location: { ranges: [{ start: { line: 1 }, end: { line: 1 } }] },
      ...{ severity: 'warning', column: 16 },
    });
    expect(Buffer.from(bad.sources[0].data, 'base64').toString()).toBe(BAD);
    expect(broken.buildError.location.ranges[0].start.line).toBe(2);
  });

  test('--format sarif', async () => {
    const { out } = await run(lint, ['--format=sarif', '--rules=docker', at('Dockerfile'), at('broken')]);
    const { version, runs } = JSON.parse(out);
    expect(version).toBe('2.1.0');
    const [{ tool, results }] = runs;
    for (const { ruleId, ruleIndex, level } of results) {
      if (level === 'warning') expect(tool.driver.rules[ruleIndex].id).toBe(ruleId);
    }
    expect(results[0].locations[0].physicalLocation).toEqual({
      artifactLocation: { uri: at('Dockerfile') },
      region: { startLine: 1, startColumn: 16 },
    });
    expect(results.at(-1)).toMatchObject({ level: 'error', ruleId: 'UNKNOWN_INSTRUCTION' });
  });

  test('--format github', async () => {
    const { out } = await run(lint, ['--format=github', '--rules=RunAsRoot', at('Dockerfile')]);
    expect(out).toMatch(/^::warning file=[^\n]*Dockerfile,line=3,col=1,title=RunAsRoot::no USER[^\n]*\n$/);
  });

  test('--fail-on', async () => {
    writeFileSync(at('named'), 'FROM alpine:3.22\nUSER app\nCMD ["top"]\n');
    expect((await run(lint, [at('named')])).code).toBe(0);
    expect((await run(lint, ['--fail-on=info', at('named')])).code).toBe(1);
    expect((await run(lint, ['--fail-on=error', at('Dockerfile')])).code).toBe(0);
    expect((await run(lint, ['--fail-on=none', at('Dockerfile')])).code).toBe(0);
  });

  test('--fix-dry-run prints a patch; --fix writes the file, and shows what is left', async () => {
    const text = 'FROM alpine:3.22\nRUN apk add jq\nUSER 1000\nCMD sleep 9\n';
    writeFileSync(at('fixable'), text);
    const { out: patch, code } = await run(lint, ['--fix-dry-run', at('fixable')]);
    expect({ patch, code }).toEqual({
      code: 0,
      patch:
        '--- a/fixable\n+++ b/fixable\n@@ -1,4 +1,4 @@\n FROM alpine:3.22\n-RUN apk add jq\n+RUN apk add --no-cache jq\n USER 1000\n CMD sleep 9\n',
    });
    expect(readFileSync(at('fixable'), 'utf8')).toBe(text);
    expect((await run(lint, ['--fix', at('fixable')])).code).toBe(0);
    expect(readFileSync(at('fixable'), 'utf8')).toBe(text.replace('apk add', 'apk add --no-cache'));
    await expect(run(lint, ['--fix', '-'], text)).rejects.toMatchObject({ exitCode: 2 });
  });

  test('--fix writes the Dockerfile of --context, not that of the working directory', async () => {
    const text = 'FROM alpine:3.22\nRUN apk add jq\nUSER 1000\nCMD sleep 9\n';
    mkdirSync(at('sub'));
    writeFileSync(at('sub/Dockerfile'), text);
    expect((await run(lint, ['--fix-dry-run', '--context=sub'])).out).toContain('--- a/sub/Dockerfile\n');
    expect((await run(lint, ['--fix', '--context=sub'])).code).toBe(0);
    expect(readFileSync(at('sub/Dockerfile'), 'utf8')).toBe(text.replace('apk add', 'apk add --no-cache'));
    expect(readFileSync(at('Dockerfile'), 'utf8')).toBe(BAD);
  });

  test('shellcheck runs once, and only where its findings are shown', async () => {
    const bin = tempDir();
    writeFileSync(join(bin, 'shellcheck'), `#!/bin/sh\necho run >> ${bin}/runs\necho '[]'\n`, {
      mode: 0o755,
    });
    const runs = async (...args: string[]) => {
      writeFileSync(join(bin, 'runs'), '');
      writeFileSync(at('scripts'), 'FROM alpine:3.22\nRUN apk add jq\nUSER 1000\nCMD sleep 9\n');
      await run(lint, [...args, at('scripts')], '', { PATH: bin });
      return readFileSync(join(bin, 'runs'), 'utf8').split('\n').length - 1;
    };
    expect(await runs()).toBe(1);
    expect(await runs('--rules=RunAsRoot,SC2086')).toBe(1);
    expect(await runs('--rules=docker,advice')).toBe(0);
    expect(await runs('--fix')).toBe(1);
    expect(await runs('--fix', '--rules=advice')).toBe(0);
    expect(await runs('--fix-dry-run')).toBe(0);
  });

  test('--rules refuses a rule that does not exist', async () => {
    await expect(run(lint, ['--rules=RunAsRot'])).rejects.toMatchObject({ hint: 'Did you mean RunAsRoot?' });
  });

  test('--build-arg NAME takes the value of the environment', async () => {
    writeFileSync(at('asking'), 'FROM scratch\nARG V\nLABEL v="${V:?give V}"\n');
    const withArg = (env: Record<string, string>) =>
      run(lint, ['--rules=docker', '--build-arg', 'V', at('asking')], '', env);
    expect(await withArg({ V: '1' })).toMatchObject({ code: 0 });
    expect(await withArg({})).toMatchObject({ code: 1, out: expect.stringContaining('give V') });
    await expect(run(lint, ['--build-arg', '=1', at('asking')])).rejects.toMatchObject({ exitCode: 2 });
  });

  test('a wrong format is a wrong command line', async () => {
    await expect(run(lint, ['--format=xml'])).rejects.toMatchObject({ exitCode: 2 });
  });
});

describe('jettison build --check and --call', () => {
  const call = (...args: string[]) => run(build, [...args, folder]);

  test('--check exits with 1 when there is something', async () => {
    const { code, out } = await call('--check', '-f', at('stages'));
    expect({ code, out }).toEqual({ code: 0, out: 'Nothing to complain about.\n' });
    expect((await call('--check', '-f', at('broken'))).code).toBe(1);
  });

  test('--check - checks a Dockerfile from standard input; other contexts are not fetched', async () => {
    const { code, out } = await run(build, ['--check', '-'], 'FROM scratch\nMAINTAINER me\n');
    expect(code).toBe(1);
    expect(out).toContain('[MaintainerDeprecated]');
    await expect(run(build, ['--check', 'https://example.com/x.git'])).rejects.toMatchObject({ exitCode: 2 });
  });

  test('reports nothing that a build argument or a comment skips', async () => {
    writeFileSync(at('skips'), '# check=skip=UndefinedVar\nFROM scratch\nENV A=$x TOKEN=1\n');
    expect((await call('--check', '-f', at('skips'))).out).toContain('SecretsUsedInArgOrEnv');
    const skip = 'BUILDKIT_DOCKERFILE_CHECK=skip=SecretsUsedInArgOrEnv';
    const { out } = await call('--check', '--build-arg', skip, '-f', at('skips'));
    expect(out).toContain('UndefinedVar');
    expect(out).not.toContain('SecretsUsedInArgOrEnv');
  });

  test('files that the ignore file keeps out are found when somebody asks', async () => {
    const ask = 'BUILDKIT_DOCKERFILE_CHECK=experimental=all';
    const { out } = await call('--check', '--build-arg', ask, '-f', at('good'));
    expect(out).toContain('line 1 of');
    expect(out).toContain('[CopyIgnoredFile]');
  });

  test('--call=targets', async () => {
    expect(await call('--call=targets', '-f', at('stages'))).toEqual({
      code: 0,
      out: 'TARGET          DESCRIPTION\none             is first\ntwo (default)\n',
    });
    const { targets } = JSON.parse((await call('--call=targets,format=json', '-f', at('stages'))).out);
    expect(targets[1]).toEqual({
      name: 'two',
      default: true,
      base: 'scratch',
      location: { ranges: [{ start: { line: 4 }, end: { line: 4 } }] },
    });
  });

  test('--call=outline', async () => {
    const { out } = await call('--call', 'outline', '--target', 'one', '-f', at('stages'));
    expect(out).toContain('TARGET:        one\nDESCRIPTION:   is first\n');
    expect(out).toContain('V           1');
    const json = JSON.parse((await call('--call=outline,format=json', '-f', at('stages'))).out);
    expect(json).toMatchObject({ name: 'two', secrets: [{ name: 's' }] });
    expect(json.args).toBeUndefined();
  });

  test('unknown calls are refused', async () => {
    await expect(call('--call=nope')).rejects.toMatchObject({ exitCode: 2 });
    await expect(call('--call=check,format=xml')).rejects.toMatchObject({ exitCode: 2 });
    await expect(call('--call=outline', '--check')).rejects.toMatchObject({ exitCode: 2 });
  });
});
