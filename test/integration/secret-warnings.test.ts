import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestBuilds } from '../support/build.ts';
import { plantedSecrets } from '../support/planted-secrets.ts';

let builds: TestBuilds;
beforeAll(async () => {
  builds = await TestBuilds.create();
});
afterAll(() => builds.remove());

const npmrc = plantedSecrets(70).find(({ kind }) => kind === 'npmrc-token')!;
const url = plantedSecrets(70).find(({ kind }) => kind === 'url-password')!;

const secretsIn = ({
  warnings,
}: {
  warnings: { code: string; message: string; location: { line: number } }[];
}) =>
  warnings
    .filter(({ code }) => code === 'SecretInImage')
    .map(({ message, location }) => [location.line, message]);

test('a build warns of secrets in the config and in files that mostly hold them, at their lines, each time', async () => {
  builds.write({
    '.npmrc': npmrc.content,
    'a.txt': npmrc.content,
    'web/.npmrc': 'registry=https://npm.acme.io/\n',
  });
  const text = `FROM scratch\nLABEL db=postgres://app:${url.value}@db.acme.io/app\nCOPY . /\n`;
  const first = await builds.build(text);
  expect(secretsIn(first)).toEqual([
    [1, expect.stringMatching(/has a password in a URL \(.{4}…\) in the label db$/)],
    [3, expect.stringMatching(/^COPY \. \/ puts a login of \.npmrc \(.{4}…\) into the image, in \.npmrc:1$/)],
  ]);
  expect(JSON.stringify(first.events)).not.toContain(npmrc.value);
  // The second build makes nothing: the store has kept the warnings.
  const second = await builds.build(text);
  expect(second.outcomes).toEqual({ 'COPY . /': 'cached' });
  expect(secretsIn(second)).toEqual(secretsIn(first));
  expect(second.events.filter(({ type }) => type === 'warning')).toHaveLength(2);
});

test('does not repeat a finding of the Dockerfile checks', async () => {
  const { warnings } = await builds.build('FROM scratch\nENV DB_PASSWORD=hunt3r-2x\n');
  expect(warnings.map(({ code }) => code)).toEqual(['SecretsUsedInArgOrEnv']);
});

test('harmless files of such names bring no warning', async () => {
  builds.write({
    '.env': 'PORT=3000\nPASSWORD_FILE=/run/secrets/db\n',
    'ca.pem': '-----BEGIN CERTIFICATE-----\n',
  });
  expect((await builds.build('FROM scratch\nCOPY .env ca.pem /\n')).warnings).toEqual([]);
});
