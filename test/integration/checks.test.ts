import { afterAll, beforeAll, expect, test } from 'vitest';
import { check } from '../../src/build/check.ts';
import { TestBuilds } from '../support/build.ts';

let builds: TestBuilds;
beforeAll(async () => {
  builds = await TestBuilds.create();
});
afterAll(() => builds.remove());

const TEXT = 'FROM scratch AS Unused\nENV A=$x\nFROM scratch\nENV B=$y TOKEN=1\n';

test('a build reports plan rules for its stages, and text rules for the whole file', async () => {
  const { warnings, events } = await builds.build(TEXT);
  const codes = warnings.map(({ code, location }) => `${code} ${location.line}`);
  expect(codes).toEqual(['StageNameCasing 1', 'SecretsUsedInArgOrEnv 4', 'UndefinedVar 4']);
  expect(events.filter(({ type }) => type === 'warning')).toHaveLength(3);
});

test('error=true stops the build before any step', async () => {
  const text = `# check=skip=StageNameCasing;error=true\n${TEXT}COPY <<a /\nx\na\n`;
  const error = await builds.failure(text);
  expect(error.code).toBe('CHECKS_FAILED');
  expect(error.message).toContain('SecretsUsedInArgOrEnv, UndefinedVar');
  expect(error.message).not.toContain('StageNameCasing');
});

test('a skipped rule stops nothing; unused build arguments are not a rule', async () => {
  const skipped = await builds.build(`# check=skip=all;error=true\n${TEXT}`);
  expect(skipped.warnings).toEqual([]);
  const buildArgs = { NOBODY: '1' };
  const unused = await builds.build('# check=error=true\nFROM scratch\nLABEL a=b\n', { buildArgs });
  expect(unused.warnings.map(({ code }) => code)).toEqual(['UnusedBuildArg']);
});

test('a build argument takes the place of the directive', async () => {
  const buildArgs = { BUILDKIT_DOCKERFILE_CHECK: 'error=true' };
  expect((await builds.failure(`# check=skip=all\n${TEXT}`, { buildArgs })).code).toBe('CHECKS_FAILED');
});

test('a check reports findings above a syntax error, and the error', async () => {
  const { context } = builds;
  for (const bad of ['RUN --bad=1 x', 'NOPE x', 'CMD ["a"', 'EXPOSE foo']) {
    builds.write({ Dockerfile: `from scratch AS x\nCMD echo x\n${bad}\n` });
    const result = await check({ context, offline: true });
    const codes = result.findings.map(({ code }) => code);
    expect(codes).toEqual(expect.arrayContaining(['FromAsCasing', 'JSONArgsRecommended']));
    if (!bad.startsWith('CMD')) expect(result.error?.location?.line).toBe(3);
  }
});

test('a directory of which a later line lets a part in is no ignored file', async () => {
  const text = '# check=experimental=CopyIgnoredFile\nFROM scratch\n';
  const { context } = builds;
  const copies = ['COPY src /', 'COPY *.log /', 'COPY keep.log /', 'COPY x.log /', 'COPY out /'];
  builds.write({
    '.dockerignore': '*\n!keep.log\n!src/a\n',
    Dockerfile: `${text}${copies.join('\n')}\n`,
  });
  const { findings } = await check({ context, offline: true });
  expect(findings.map(({ code, location }) => `${code} ${location.line}`)).toEqual([
    'CopyIgnoredFile 6',
    'CopyIgnoredFile 7',
  ]);
  builds.write({ 'Dockerfile.dockerignore': 'src\n' });
  const own = await check({ context, offline: true });
  expect(own.findings.map(({ location }) => location.line)).toEqual([3]);
});

test.each([
  ['yesterday', true],
  ['2020-01-01', false],
  ['-1', false],
  ['1700000000', true],
  ['context', true],
  ['', true],
  // A stage that does not only fetch.
  ['built', false],
  ['fetched', true],
])('SOURCE_DATE_EPOCH=%s is checked as far as the text tells', async (value, passes) => {
  builds.write({
    Dockerfile: `ARG SOURCE_DATE_EPOCH=${value}
FROM scratch AS built
COPY a /
FROM scratch AS fetched
ADD https://example.com/a.tar /
FROM scratch
LABEL a=b
`,
  });
  const { context } = builds;
  const result = await check({ context, offline: true });
  expect(result.error?.code.startsWith('SOURCE_DATE_EPOCH_')).toBe(passes ? undefined : true);
  if (!passes) expect(result.error?.location?.line).toBe(value === 'built' ? 2 : 1);
  // Where the contexts are known, a name that is none of them is wrong.
  const whole = await check({ context, contexts: { other: context } });
  expect(whole.error === undefined).toBe(passes && value !== 'yesterday');
  expect((await check({ context, contexts: { yesterday: context } })).error === undefined).toBe(passes);
});

test('a device is for machines that have it: a check says nothing, a build refuses', async () => {
  const text = 'FROM scratch\nRUN --device=vendor.example/gpu=all,required --device=x ["/a"]\n';
  builds.write({ Dockerfile: text });
  expect((await check({ context: builds.context, offline: true })).error).toBeUndefined();
  const error = await builds.failure(text);
  expect(error).toMatchObject({ code: 'DEVICE_UNSUPPORTED', location: { line: 2, column: 14 } });
  expect(error.message).toContain('vendor.example/gpu=all,required');
});

test('lint --built looks into the image of the last build of the target', async () => {
  const text = 'FROM scratch AS a\nCOPY a /\nCMD ["/a"]\nFROM a AS b\nCMD ["/b"]\n';
  builds.write({ Dockerfile: text, a: 'a' });
  const run = (...args: string[]) => builds.command(args, { cwd: builds.context });
  const lint = (...args: string[]) => run('lint', '--built', '--rules=CommandProgram', ...args);
  expect((await lint()).err).toContain('no build of');
  expect((await run('build', '-q', '.')).code).toBe(0);
  const { code, out } = await lint();
  expect([code, out]).toEqual([1, expect.stringContaining('the image has no /b: it does not start')]);
  expect((await lint('--target=a')).err).toContain('with the target a is on record');
  expect((await run('build', '-q', '--target=a', '.')).code).toBe(0);
  expect(await lint('--target=a')).toMatchObject({ code: 0 });
});
