import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { remains, type TestBuilds } from '../support/build.ts';
import { eventually } from '../support/sandbox.ts';
import { withSandboxedBuilds } from '../support/sandboxed-builds.ts';
import { IS_THOROUGH } from '../support/thorough.ts';

let builds: TestBuilds;

withSandboxedBuilds((made) => {
  builds = made;
});

const HANDLER =
  "(request, response) => { response.statusCode = request.url === '/healthz' ? STATUS : 404; response.end(); }";
const server = (status: number, listen: string) =>
  `require('http').createServer(${HANDLER.replace('STATUS', String(status))}).listen(${listen});\n`;

/** Writes a project without packages, and runs `jettison init` in it. */
function init(name: string, source: string, args = ['--base', 'host'], env: Record<string, string> = {}) {
  const cwd = join(builds.folder, name);
  mkdirSync(cwd);
  writeFileSync(join(cwd, 'package.json'), JSON.stringify({ name, main: 'server.js' }));
  writeFileSync(join(cwd, 'server.js'), source);
  return builds.command(['init', ...args], { cwd, env });
}

describe('jettison init, verifying', () => {
  it('builds the image, asks the health route and runs the health check', async () => {
    const { code, out } = await init('good', server(200, '3000'));
    expect(out).toMatch(/^Built: good, \d+(?:\.\d)?MB packed$/m);
    expect(out).toMatch(/^Verified: GET :3000\/healthz answers 200 .*; its health check passes$/m);
    expect(out).toContain('Verified: the same with --hardened');
    expect(out).toContain('Run it: jettison run --rm -p 3000:3000 good\n');
    expect(code).toBe(0);
    await eventually('nothing is left', () => remains(builds.home, builds.home).length === 0);
    expect(builds.store.containers.list()).toEqual([]);
  });

  it('says that a service does not run with --hardened', async () => {
    const source = `require('fs').writeFileSync('/home/node/started', '');\n${server(200, '3000')}`;
    const { code, out } = await init('writing', source);
    expect(out).toMatch(/^Verified: GET :3000\/healthz answers 200/m);
    expect(out).toMatch(/^Not with --hardened: it ended by itself with exit code 1$/m);
    expect(out).toContain('EROFS');
    expect(code).toBe(0);
  });

  it.each([
    [
      'ends',
      `console.error('no database');\nprocess.exit(4); // '/healthz', .listen(3000)\n`,
      'exit code 4\n  no database\n',
    ],
    // An error is waited out for half a minute.
    ...(IS_THOROUGH
      ? [['answers with an error', server(503, '3000'), 'GET :3000/healthz answers 503'] as const]
      : []),
  ] as const)('fails if the service %s', async (name, source, says) => {
    const { code, out } = await init(name.replaceAll(' ', '-'), source);
    expect(out).toContain('Failed: ');
    expect(out).toContain(says);
    expect(out).not.toContain('Verified: ');
    expect(code).toBe(1);
  });

  it('ends with code 3 if the base image cannot be fetched', async () => {
    const closed = 'http://127.0.0.1:9';
    const { code, out } = await init('offline', server(200, '3000'), ['--base', 'alpine'], {
      HTTPS_PROXY: closed,
      HTTP_PROXY: closed,
    });
    expect(out).toContain('Not verified: a base image could not be fetched');
    expect(code).toBe(3);
  });
});
