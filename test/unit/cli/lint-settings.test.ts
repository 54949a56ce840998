import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { command as lint } from '../../../src/cli/commands/lint.ts';
import { fakeIo } from '../../support/fake-io.ts';
import { tempDir } from '../../support/temp-dir.ts';

const DOCKERFILE = `FROM quay.io/team/app:1
# hadolint ignore=DL3019
RUN apk add jq
RUN apk add curl
WORKDIR app
USER app
`;
const RULES = ['WorkdirRelativePath', 'ApkCache', 'NumericUser'];

/** Lints `api/Dockerfile` with settings at a path, from the folder above. */
async function lintWith(settings: string, path = 'api/.hadolint.yaml', args: string[] = []) {
  const cwd = tempDir();
  mkdirSync(join(cwd, 'api'));
  writeFileSync(join(cwd, 'api', 'Dockerfile'), DOCKERFILE);
  writeFileSync(join(cwd, path), settings);
  const { io, stdout, stderr } = fakeIo();
  const code = await lint.run(['--format=json', ...args, join(cwd, 'api/Dockerfile')], { ...io, cwd });
  const [{ warnings }] = JSON.parse(stdout.text);
  const found: Record<string, string> = {};
  for (const { ruleName, severity } of warnings) found[ruleName] = severity;
  return { code, found, warnings: warnings.length as number, notes: stderr.text };
}

test('"ignored" turns rules off, by the ids of hadolint, of Docker and of advice', async () => {
  const { found, code } = await lintWith('# nothing\n');
  expect(Object.keys(found).sort()).toEqual([...RULES].sort());
  expect(code).toBe(1);
  const ignoring = (ids: string) => lintWith(`ignored: [${ids}]\n`);
  expect((await ignoring('DL3019')).found).toEqual({ WorkdirRelativePath: 'warning', NumericUser: 'info' });
  expect((await ignoring('DL3000, DL3008')).found).toEqual({ ApkCache: 'warning', NumericUser: 'info' });
  expect((await ignoring('ApkCache, WorkdirRelativePath')).code).toBe(0);
});

test('"override" sets severities', async () => {
  const { found } = await lintWith(
    'override:\n  error: [DL3019]\n  style: [DL3000]\n  warning: [NumericUser]\n',
  );
  expect(found).toEqual({ ApkCache: 'error', WorkdirRelativePath: 'info', NumericUser: 'warning' });
});

test('"failure-threshold" and "no-fail" say what fails, and --fail-on says it above them', async () => {
  expect((await lintWith('failure-threshold: error\n')).code).toBe(0);
  expect((await lintWith('failure-threshold: error\n', undefined, ['--fail-on=info'])).code).toBe(1);
  const onlyInfo = 'ignored: [DL3019, DL3000]\n';
  expect((await lintWith(onlyInfo)).code).toBe(0);
  expect((await lintWith(`${onlyInfo}failure-threshold: style\n`)).code).toBe(1);
  expect((await lintWith('no-fail: true\n')).code).toBe(0);
});

test.each([
  ['docker.io', true],
  ['[docker.io, quay.io]', false],
  ['["*.io"]', false],
  ['["*.quay.io"]', true],
  ['[quayXio]', true],
  ['[]', true],
])('"trustedRegistries: %s" refuses quay.io: %s', async (registries, refuses) => {
  const { found } = await lintWith(`trustedRegistries: ${registries}\n`);
  expect(found['TrustedRegistry']).toBe(refuses ? 'error' : undefined);
});

test('"disable-ignore-pragma" lets the comments of hadolint not count', async () => {
  expect((await lintWith('disable-ignore-pragma: false\n')).warnings).toBe(3);
  expect((await lintWith('disable-ignore-pragma: true\n')).warnings).toBe(4);
});

test('the file is beside the Dockerfile, in the working directory, or named', async () => {
  const settings = 'ignored: [NumericUser, DL3019]\n';
  const found = { WorkdirRelativePath: 'warning' };
  expect((await lintWith(settings, 'api/.hadolint.yml')).found).toEqual(found);
  expect((await lintWith(settings, '.hadolint.yaml')).found).toEqual(found);
  expect((await lintWith(settings, 'rules.yaml', ['--config=rules.yaml'])).found).toEqual(found);
  expect(Object.keys((await lintWith(settings, 'rules.yaml')).found)).toHaveLength(3);
  await expect(lintWith(settings, 'rules.yaml', ['--config=other.yaml'])).rejects.toMatchObject({
    code: 'LINT_CONFIG_INVALID',
  });
});

test('says which settings are not applied, and why', async () => {
  const { notes } = await lintWith('label-schema: { author: text }\nformat: tty\nignore: [DL3019]\n');
  expect(notes).toBe(
    'Settings: label-schema is not applied: there are no rules on labels.\n' +
      'Settings: format is not applied: use --format.\n' +
      'Settings: unknown setting "ignore", close to ignored.\n',
  );
});

test.each([
  ['ignored: [DL3019\n', 2],
  ['- DL3019\n', 1],
  ['no-fail: false\nignored: DL3019\n', 2],
  ['ignored: [1]\n', 1],
  ['override:\n  fatal: [DL3019]\n', 2],
  ['override: [DL3019]\n', 1],
  ['# one\nfailure-threshold: severe\n', 2],
  ['no-fail: maybe\n', 1],
  ['trustedRegistries: { a: b }\n', 1],
])('reports invalid settings with their line: %j', async (settings, line) => {
  await expect(lintWith(settings)).rejects.toMatchObject({
    code: 'LINT_CONFIG_INVALID',
    location: { line },
  });
});
