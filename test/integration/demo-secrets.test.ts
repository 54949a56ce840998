import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { holding } from '../support/holding.ts';
import { tempDir } from '../support/temp-dir.ts';

const CLI = new URL('../../dist/cli.js', import.meta.url).pathname;
const SECRET = `token-${randomBytes(12).toString('hex')}`;
const PROXY = `proxy-${randomBytes(12).toString('hex')}`;
const MARKS = [SECRET, PROXY];
/** Written into a layer on purpose: shows that the search finds what is there. */
const CONTROL = `control-${randomBytes(12).toString('hex')}`;

const DOCKERFILE = `FROM node:host AS install
WORKDIR /app
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc \\
    grep -q '_authToken=token-' /root/.npmrc && \\
    case "$HTTPS_PROXY" in *proxy-*) ;; *) exit 3 ;; esac && \\
    npm config get registry >/dev/null && \\
    wc -c < /root/.npmrc > seen
RUN --mount=type=secret,id=npmrc,env=NPMRC \\
    test -n "$NPMRC" && echo ${CONTROL} > control

FROM node:host
COPY --from=install /app /app
`;

let home: string;
let work: string;

beforeAll(async () => {
  home = tempDir();
  work = tempDir();
});
afterAll(async () => {
  jettison('builder', 'prune', '-af');
});

function jettison(...args: string[]) {
  return spawnSync(process.execPath, [CLI, ...args], {
    encoding: 'utf8',
    env: { ...process.env, JETTISON_HOME: home },
  });
}

test("a build's secrets and proxies are in no blob, layer or record, and in no output", async (ctx) => {
  const npmrc = join(work, 'npmrc');
  await writeFile(
    npmrc,
    `//registry.invalid/:_authToken=${SECRET}\nregistry=https://registry.invalid/${SECRET}/\n`,
  );
  await writeFile(join(work, 'Dockerfile'), DOCKERFILE);
  expect(jettison('base', 'host', '-t', 'node:host').status).toBe(0);
  if (jettison('run', 'node:host', 'node', '--version').status === 125) ctx.skip('nothing can run here');

  const build = jettison(
    'build',
    '--progress=plain',
    ...['-t', 'made', '--secret', `id=npmrc,src=${npmrc}`],
    ...['--build-arg', `HTTPS_PROXY=http://user:${PROXY}@proxy.invalid:3128`],
    work,
  );
  expect(build.stderr).not.toMatch(/^error/m);
  expect(build.status).toBe(0);
  await writeFile(join(work, 'said'), build.stdout + build.stderr);
  expect(holding(work, MARKS)).toEqual([npmrc]);
  expect(holding(home, MARKS)).toEqual([]);
  // In the packed layer at least, and in the directory of the stage.
  expect(holding(home, [CONTROL]).some((path) => path.includes('/blobs/'))).toBe(true);
});
