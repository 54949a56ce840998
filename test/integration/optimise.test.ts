import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { remains, type TestBuilds } from '../support/build.ts';
import { eventually } from '../support/sandbox.ts';
import { withSandboxedBuilds } from '../support/sandboxed-builds.ts';

let builds: TestBuilds;

withSandboxedBuilds(
  (made) => {
    builds = made;
  },
  { config: { Env: ['PATH=/bin'] }, node: true },
);

const SERVER = `const { readFileSync } = require('fs');
require('http').createServer((_, response) => response.end(readFileSync('public/page.html'))).listen(3000);
process.on('SIGTERM', () => process.exit(0));
`;
const TESTED = `# The first one
FROM node
WORKDIR /app
COPY . .
EXPOSE 3000
CMD ["node", "server.js"]
`;

const optimise = (...args: string[]) => builds.run(['optimise', ...args], { cwd: builds.context });
const written = (name: string) => readFileSync(join(builds.context, name), 'utf8');

describe('jettison optimise', () => {
  test('makes stages of one, rejects what breaks, and writes what is proven', async () => {
    builds.write({
      Dockerfile: TESTED,
      'server.js': SERVER,
      'public/page.html': '<p>page</p>',
      'test/fixture': Buffer.alloc(300_000, 'x'),
      'coverage/report.txt': 'covered',
    });
    const args = [
      '--only',
      'multi-stage',
      '--only',
      'ignore-surplus',
      '--only',
      'numeric-user',
      '--format',
      'json',
    ];
    const { code, out, err } = await optimise(...args, '--apply', '--yes');
    expect(code, err).toBe(0);
    const { steps, rejected } = JSON.parse(out);
    expect(steps.map(({ id }: { id?: string }) => id)).toEqual([
      undefined,
      'ignore-surplus',
      'multi-stage',
      'numeric-user',
    ]);
    const [first, , split, last] = steps;
    expect(first.figures.size - split.figures.size).toBeGreaterThan(300_000);
    expect(last.figures).toMatchObject({ user: '65532:65532', waste: 0 });
    for (const { figures } of steps) expect(figures.coldMs).toBeGreaterThan(0);
    // The page is read by its name: no import leads to it.
    expect(rejected).toMatchObject([
      {
        id: 'multi-stage',
        summary: 'splits the build from what runs: copies server.js',
        reasons: expect.arrayContaining([expect.stringContaining('GET :3000/')]),
      },
    ]);
    expect(written('Dockerfile')).toBe(`# The first one
FROM node AS build
WORKDIR /app
COPY . .

FROM node AS production
WORKDIR /app
COPY --from=build /app/public ./public
COPY --from=build /app/server.js ./server.js
EXPOSE 3000
USER 65532:65532
CMD ["node", "server.js"]
`);
    expect(written('.dockerignore')).toBe('coverage\n');
    await eventually('nothing is left', () => remains(builds.home, builds.home).length === 0);
  });

  test('applies nothing where the probe cannot decide', async () => {
    const text = 'FROM node\nWORKDIR /app\nCOPY server.js .\nCMD ["node", "server.js"]\n';
    builds.write({ Dockerfile: text, 'server.js': 'setInterval(() => {}, 1000);\n' });
    const undecided = await optimise('--only', 'numeric-user', '--apply', '--yes');
    expect(undecided.code).toBe(1);
    expect(undecided.out).toContain('The probe cannot decide: the image has no port');
    expect(undecided.out).toMatch(/Not used\n {2}numeric-user: .*\n {4}not proven: the image has no port/);
    expect(undecided.err).toContain('nothing is applied');
    expect(written('Dockerfile')).toBe(text);

    const probed = await optimise('--only', 'numeric-user', '--probe', '["node", "-e", "0"]', '--diff');
    expect(probed).toMatchObject({ code: 0, out: expect.stringContaining('+USER 65532:65532\n') });
    expect(written('Dockerfile')).toBe(text);
  });

  test('asks a port that is not exposed, and runs hardened', async () => {
    const text = 'FROM node\nWORKDIR /app\nCOPY . .\nCMD ["node", "server.js"]\n';
    builds.write({ Dockerfile: text, 'server.js': SERVER, 'public/page.html': 'page' });
    const args = ['--only', 'numeric-user', '--hardened', '--report', 'report.html', '--format', 'json'];
    const { code, out, err } = await optimise(...args);
    expect(code, err).toBe(0);
    const { probe, steps } = JSON.parse(out);
    expect(probe).toMatchObject({ rights: 'hardened', answers: [{ port: 3000, status: 200 }] });
    expect(steps.map(({ id }: { id?: string }) => id)).toEqual([undefined, 'numeric-user']);
    const page = written('report.html');
    expect(page).toContain('<li><strong>numeric-user</strong>: runs as 65532:65532');
    expect(page).toContain('<ins>+USER 65532:65532</ins>');
    expect(page).not.toContain('<script');
  });

  test('reports to a file, and refuses unknown rewrites', async () => {
    builds.write({ Dockerfile: TESTED, 'server.js': SERVER, 'public/page.html': 'page' });
    const { code } = await optimise('--only', 'numeric-user', '--report', 'report.md', '--probe-url', '/x');
    expect(code).toBe(0);
    expect(written('report.md')).toMatch(
      /^\| {2}\| Size .*\n(.*\n)*- numeric-user: runs as 65532:65532.*\n(.*\n)*```diff\n/,
    );
    const unknown = await optimise('--only', 'numeric-usr');
    expect(unknown).toMatchObject({ code: 2, err: expect.stringContaining('Did you mean "numeric-user"?') });
    expect(existsSync(join(builds.context, 'Dockerfile.tmp'))).toBe(false);
  });
});
