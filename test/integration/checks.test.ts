import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestBuilds } from '../support/build.ts';

let builds: TestBuilds;
beforeAll(async () => {
  builds = await TestBuilds.create();
});
afterAll(() => builds.remove());

const TEXT = 'FROM scratch AS Unused\nENV A=$x\nFROM scratch\nENV B=$y TOKEN=1\n';

test('a build warns of what it needs, and of what the whole text shows', async () => {
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

test('what is skipped stops nothing; unused build arguments are no check', async () => {
  await builds.build(`# check=skip=all;error=true\n${TEXT}`);
  await builds.build('# check=error=true\nFROM scratch\nLABEL a=b\n', { buildArgs: { NOBODY: '1' } });
});

test('a build argument takes the place of the directive', async () => {
  const buildArgs = { BUILDKIT_DOCKERFILE_CHECK: 'error=true' };
  expect((await builds.failure(`# check=skip=all\n${TEXT}`, { buildArgs })).code).toBe('CHECKS_FAILED');
});
