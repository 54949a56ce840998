import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { secretForms } from '../../src/conductor/secret-forms.ts';
import { renderError } from '../../src/errors/render.ts';
import { eventLine } from '../../src/events/rawjson.ts';
import { Needles } from '../../src/worker/needles.ts';
import { TestBuilds } from '../support/build.ts';
import { whyNoSandbox } from '../support/sandbox.ts';
import { git, hasGit, Web } from '../support/web.ts';

let builds: TestBuilds;
let web: Web;
/** A PATH whose git writes its arguments to a file. */
let path: string;
let argumentsFile: string;

beforeAll(async () => {
  builds = await TestBuilds.create(whyNoSandbox() === undefined ? {} : undefined);
  const repository = join(builds.folder, 'work');
  mkdirSync(repository);
  writeFileSync(join(repository, 'Dockerfile'), 'FROM scratch\nCOPY . /\n');
  if (hasGit) {
    git(repository, 'init', '-q', '-b', 'main');
    git(repository, 'add', '-A');
    git(repository, 'commit', '-q', '-m', 'one');
    git(builds.folder, 'clone', '-q', '--bare', 'work', 'repositories/app.git');
    git(builds.folder, 'clone', '-q', '--bare', 'work', 'repositories/sub.git');
    git(
      repository,
      '-c',
      'protocol.file.allow=always',
      'submodule',
      '--quiet',
      'add',
      '../repositories/sub.git',
      's',
    );
    writeFileSync(join(repository, '.gitmodules'), '[submodule "s"]\n\tpath = s\n\turl = ../sub.git\n');
    git(repository, 'commit', '-q', '-a', '-m', 'two');
    git(repository, 'push', '-q', join(builds.folder, 'repositories/app.git'), 'main');
  }
  web = await Web.start(join(builds.folder, 'repositories'));
  web.pages.set('/file', { body: 'downloaded', headers: { etag: '"1"' } });
  const bin = join(builds.folder, 'bin');
  argumentsFile = join(builds.folder, 'arguments');
  mkdirSync(bin);
  const real = execFileSync('sh', ['-c', 'command -v git || echo git'], { encoding: 'utf8' }).trim();
  writeFileSync(
    join(bin, 'git'),
    `#!/bin/sh\nprintf '%s\\n' "$@" >>"${argumentsFile}"\nexec "${real}" "$@"\n`,
  );
  chmodSync(join(bin, 'git'), 0o755);
  path = `${bin}:${process.env['PATH']}`;
});
afterAll(async () => {
  await web?.close();
  builds?.remove();
});

/** Everything in the store, with blobs unpacked. */
function* filesOf(folder: string): Generator<[path: string, bytes: Buffer]> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const file = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesOf(file);
    else if (entry.isFile()) {
      const bytes = readFileSync(file);
      yield [file, Buffer.concat([Buffer.from(file), bytes])];
      if (bytes[0] === 0x1f && bytes[1] === 0x8b) yield [`${file} (unpacked)`, gunzipSync(bytes)];
    }
  }
}

/** Where one of some credentials is found in any form: in the store, in git's arguments, in texts. */
function leaks(credentials: string[], texts: string[]): string[] {
  const needles = new Needles(
    credentials.flatMap((one) => secretForms(Buffer.from(one)).map((form) => [one, form] as const)),
  );
  const found = [...filesOf(builds.home)].filter(([, bytes]) => needles.find(bytes) !== undefined);
  const said = existsSync(argumentsFile) ? [...texts, readFileSync(argumentsFile, 'utf8')] : texts;
  return [
    ...found.map(([file]) => file),
    ...said.filter((text) => needles.find(Buffer.from(text)) !== undefined),
  ];
}

const password = fc
  .string({ unit: 'grapheme-ascii', minLength: 10, maxLength: 24 })
  .filter((text) => !/^\s|\s$/.test(text) && /\d/.test(text));
const encoded = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

describe('the credentials of a URL', () => {
  beforeEach((ctx) => {
    if (!hasGit) ctx.skip('git is not installed');
  });

  test('reach what they are for, and nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(password, async (secret) => {
        web.login = `user:${secret}`;
        const base = web.url.replace('//', `//user:${encoded(secret)}@`);
        const wrong = web.url.replace('//', `//user:${encoded(`${secret}x`)}@`);
        const texts: string[] = [];
        const env = { PATH: path, HTTP_PROXY: '', http_proxy: '' };
        const attempt = async (dockerfile: string, context: string, fails: boolean) => {
          const options = {
            context,
            env,
            ...(dockerfile === '' ? { file: undefined! } : {}),
            buildArgs: { BUILDKIT_CONTEXT_KEEP_GIT_DIR: '1' },
          };
          let events: string[] = [];
          if (fails) {
            const error = await builds.failure(dockerfile, {
              ...options,
              onEvent: (event) => void events.push(eventLine(event)),
            });
            texts.push(
              renderError(error, { color: false, stack: true }),
              JSON.stringify(error.details ?? {}),
            );
          } else events = (await builds.build(dockerfile, options)).events.map(eventLine);
          texts.push(...events);
        };
        await attempt('', `${base}/git/app.git#main`, false);
        const add = (url: string) =>
          `FROM scratch\nADD --keep-git-dir ${url}/git/app.git /src/\nADD ${url}/file /f\n`;
        await attempt(add(base), builds.context, false);
        await attempt(add(base), builds.context, false);
        await attempt(add(wrong), builds.context, true);
        await attempt(`FROM scratch\nADD ${wrong}/file /f\n`, builds.context, true);
        await attempt(`FROM scratch\nADD ${base}/missing /f\n`, builds.context, true);
        await attempt('', `${wrong}/git/app.git`, true);
        await attempt('', `${base}/git/app.git#nope`, true);
        await attempt('', `${base}/file`, true);
        expect(leaks([secret, `user:${secret}`], texts)).toEqual([]);
      }),
      { numRuns: Number(process.env['JETTISON_TOKEN_RUNS'] ?? 2) },
    );
  });

  test('are not sent to another host by a redirect', async () => {
    const other = await Web.start(join(builds.folder, 'repositories'));
    try {
      web.login = 'user:password-AAAA1111';
      other.login = 'somebody:else-BBBB2222';
      // Another name of the same machine is another host.
      const target = other.url.replace('127.0.0.1', 'localhost');
      web.pages.set('/moved', { body: '', status: 302, headers: { location: `${target}/file` } });
      web.pages.set('/moved.git/info/refs?service=git-upload-pack', {
        body: '',
        status: 302,
        headers: { location: `${target}/git/app.git/info/refs?service=git-upload-pack` },
      });
      const base = web.url.replace('//', '//user:password-AAAA1111@');
      const env = { PATH: path };
      await builds.failure(`FROM scratch\nADD ${base}/moved /f\n`, { env });
      await builds.failure('', { context: `${base}/moved.git`, file: undefined!, env });
      expect(other.log.length).toBeGreaterThan(1);
      expect(other.logins).toEqual([]);
    } finally {
      await other.close();
    }
  });
});

describe('the command line', () => {
  test('keeps the credentials of a context out of what it says and remembers', async () => {
    web.login = undefined;
    const secret = 'command-CCCC3333';
    const url = `${web.url.replace('//', `//user:${secret}@`)}/nothing?token=${secret}`;
    const said = [];
    for (const progress of ['plain', 'rawjson', 'quiet', 'tty']) {
      const { code, out, err } = await builds.run(['build', '--progress', progress, url]);
      expect(code).toBe(1);
      said.push(out, err);
    }
    builds.write({ Dockerfile: `FROM scratch\nADD ${url} /x\nADD ${url.replace('?', '.git?')} /\n` });
    for (const args of [
      ['build', '.'],
      ['build', '--call', 'check', '.'],
      ['build', '--call', 'outline', '.'],
      ['build', '--call', 'targets', '.'],
      ['lint'],
    ]) {
      const { out, err } = await builds.run(args);
      said.push(out, err);
    }
    expect(leaks([secret], said)).toEqual([]);
  });
});

describe('a secret that a command leaves in a cache mount', () => {
  beforeEach((ctx) => {
    const why = whyNoSandbox();
    if (why !== undefined) ctx.skip(why);
  });

  const token = 'npmrcsecret-DDDD4444';
  const npmrc = `registry=https://registry.example.com/\n//registry.example.com/:_authToken=${token}\n`;
  test.each([
    ['the token alone', `sed -n 's/.*_authToken=//p' /root/.npmrc`],
    ['its base64', `printf 'user:%s' "$(sed -n 's/.*_authToken=//p' /root/.npmrc)" | base64`],
    ['the whole file', 'cat /root/.npmrc'],
  ])('is not shared: %s', async (what, command) => {
    const id = what.replaceAll(' ', '-');
    const dest = join(builds.folder, `cache-${id}`);
    const dockerfile = `FROM base\nRUN --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=cache,id=${id},target=/c ${command} > /c/log\n`;
    const { events } = await builds.build(dockerfile, {
      noCache: true,
      secrets: { npmrc: { value: npmrc } },
      cacheTo: [{ type: 'local', path: dest, cacheMounts: true }],
    });
    expect(
      events.find((event) => event.type === 'warning' && event.code === 'SECRET_IN_CACHE'),
    ).toBeDefined();
    const found = [...filesOf(dest)].filter(([, bytes]) => bytes.includes(token));
    expect(found.map(([file]) => file)).toEqual([]);
  });

  test('what is only near it is shared', async () => {
    const dest = join(builds.folder, 'cache-near');
    const { events } = await builds.build(
      'FROM base\nRUN --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=cache,id=near,target=/c echo https://registry.example.com/ > /c/log\n',
      {
        noCache: true,
        secrets: { npmrc: { value: npmrc } },
        cacheTo: [{ type: 'local', path: dest, cacheMounts: true }],
      },
    );
    expect(events.filter(({ type }) => type === 'warning')).toEqual([]);
    expect([...filesOf(dest)].some(([, bytes]) => bytes.includes('https://registry.example.com/'))).toBe(
      true,
    );
  });
});
