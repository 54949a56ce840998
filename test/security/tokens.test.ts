import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { secretForms } from '../../src/build/secret-forms.ts';
import { renderError } from '../../src/errors/render.ts';
import { eventLine } from '../../src/events/rawjson.ts';
import { Needles } from '../../src/worker/caches/needles.ts';
import { TestBuilds } from '../support/build.ts';
import { whyNoSandbox } from '../support/sandbox.ts';
import { commitAll, git, hasGit, Web } from '../support/web.ts';

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
    commitAll(repository);
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

  test('reach their own host only', async () => {
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

describe('the credentials of a secret', () => {
  beforeEach((ctx) => {
    if (!hasGit) ctx.skip('git is not installed');
    web.login = undefined;
    web.authorization = undefined;
    web.logins.length = 0;
  });
  afterEach(() => {
    web.authorization = undefined;
  });
  const TOKEN = 'given-by-a-secret-EEEE5555';
  const said: string[] = [];
  const run = async (args: string[], variables: Record<string, string> = { TOKEN }) => {
    const { code, out, err } = await builds.command(
      ['build', '--progress=plain', '--build-arg', 'BUILDKIT_CONTEXT_KEEP_GIT_DIR=1', ...args],
      { env: { PATH: path, ...variables } },
    );
    said.push(out, err);
    return { code, out, err };
  };
  const host = () => new URL(web.url).host;
  const dockerfile = (text: string) => {
    builds.write({ Dockerfile: text });
    return builds.context;
  };
  const basic = (login: string) => `Basic ${Buffer.from(login).toString('base64')}`;

  test.each([
    ['GIT_AUTH_TOKEN', TOKEN, basic(`x-access-token:${TOKEN}`)],
    ['GIT_AUTH_TOKEN.HOST', TOKEN, basic(`x-access-token:${TOKEN}`)],
    ['GIT_AUTH_HEADER', basic(`user:${TOKEN}`), basic(`user:${TOKEN}`)],
    ['GIT_AUTH_HEADER.HOST', `Bearer ${TOKEN}`, `Bearer ${TOKEN}`],
  ])(
    '%s opens a repository and its submodule: context, ADD and named context',
    async (name, content, sent) => {
      web.authorization = sent;
      const secret = ['--no-cache', '--secret', `id=${name.replace('HOST', host())},env=TOKEN`];
      const variables = { TOKEN: content };
      const repository = `${web.url}/git/app.git`;
      expect(await run([...secret, `${repository}#main`], variables)).toMatchObject({ code: 0 });
      const adding = dockerfile(`FROM scratch\nADD --keep-git-dir ${repository} /src/\n`);
      expect(await run([...secret, adding], variables)).toMatchObject({ code: 0 });
      const named = dockerfile('FROM scratch\nCOPY --from=app . /\n');
      const context = ['--build-context', `app=${repository}`];
      expect(await run([...secret, ...context, named], variables)).toMatchObject({ code: 0 });
      expect(new Set(web.logins)).toEqual(new Set([sent]));
      expect(leaks([TOKEN], said)).toEqual([]);
    },
  );

  test.each([
    ['HTTP_AUTH_TOKEN', TOKEN, `Bearer ${TOKEN}`],
    ['HTTP_AUTH_HEADER', `Custom ${TOKEN}`, `Custom ${TOKEN}`],
  ])('%s_HOST opens a URL', async (name, content, sent) => {
    web.authorization = sent;
    web.pages.set('/moved-here', { body: '', status: 302, headers: { location: '/file' } });
    const context = dockerfile(`FROM scratch\nADD ${web.url}/moved-here /f\n`);
    const variables = { TOKEN: content };
    const build = (id: string) => run(['--no-cache', '--secret', `id=${id},env=TOKEN`, context], variables);
    expect(await build(`${name}_127.0.0.1`)).toMatchObject({ code: 0 });
    for (const id of [name, `${name}_localhost`, `${name}_${host()}`]) {
      const { code, err } = await build(id);
      expect(code).toBe(1);
      expect(err).toContain('--secret id=HTTP_AUTH_TOKEN_127.0.0.1,env=VARIABLE');
    }
    expect(leaks([TOKEN], said)).toEqual([]);
  });

  test('are for their host: not for a redirect or a submodule of another, nor another port', async () => {
    const other = await Web.start(join(builds.folder, 'repositories'));
    try {
      const target = other.url.replace('127.0.0.1', 'localhost');
      // Asks for a login, so that whoever has one would send it.
      other.login = 'somebody:else-BBBB2222';
      web.pages.set('/moved', { body: '', status: 302, headers: { location: `${target}/file` } });
      web.pages.set('/port', { body: '', status: 302, headers: { location: `${other.url}/file` } });
      web.pages.set('/moved.git/info/refs?service=git-upload-pack', {
        body: '',
        status: 302,
        headers: { location: `${target}/git/app.git/info/refs?service=git-upload-pack` },
      });
      const work = join(builds.folder, 'work-elsewhere');
      git(builds.folder, 'clone', '-q', 'repositories/app.git', 'work-elsewhere');
      writeFileSync(
        join(work, '.gitmodules'),
        `[submodule "s"]\n\tpath = s\n\turl = ${target}/git/sub.git\n`,
      );
      git(work, 'commit', '-q', '-a', '-m', 'elsewhere');
      git(builds.folder, 'clone', '-q', '--bare', 'work-elsewhere', 'repositories/elsewhere.git');
      const secrets = (kind: string, content: string) =>
        [
          [
            '--secret',
            `id=GIT_AUTH_${kind},env=TOKEN`,
            '--secret',
            `id=HTTP_AUTH_${kind}_127.0.0.1,env=TOKEN`,
          ],
          { TOKEN: content },
        ] as const;
      for (const [given, variables] of [
        secrets('TOKEN', TOKEN),
        secrets('HEADER', basic(`user:${TOKEN}`)),
        secrets('HEADER', `Bearer ${TOKEN}`),
      ]) {
        for (const url of [`${web.url}/moved.git`, `${web.url}/git/elsewhere.git`])
          expect(await run([...given, url], variables)).toMatchObject({ code: 1 });
        for (const path of ['moved', 'port']) {
          const context = dockerfile(`FROM scratch\nADD ${web.url}/${path} /f\n`);
          expect(await run([...given, context], variables)).toMatchObject({ code: 1 });
        }
      }
      expect(other.log.length).toBeGreaterThan(1);
      expect(other.logins).toEqual([]);
      // A secret of one host is not for another one that the Dockerfile names.
      const context = dockerfile(`FROM scratch\nADD ${other.url}/git/app.git /f\n`);
      await run(['--secret', `id=GIT_AUTH_TOKEN.${host()},env=TOKEN`, context]);
      expect(other.logins).toEqual([]);
    } finally {
      await other.close();
    }
  });

  test("are suggested by the error if missing, and masked in a server's message", async () => {
    web.authorization = basic(`x-access-token:${TOKEN}`);
    const { code, err } = await run([`${web.url}/git/app.git`]);
    expect(code).toBe(1);
    expect(err).toContain(`--secret id=GIT_AUTH_TOKEN.${host()},env=VARIABLE`);
    web.authorization = undefined;
    web.pages.set('/echo.git/info/refs?service=git-upload-pack', {
      body: `no such token ${TOKEN}`,
      status: 403,
      headers: { 'content-type': 'text/plain' },
    });
    const given = ['--secret', 'id=GIT_AUTH_TOKEN,env=TOKEN'];
    expect(await run([...given, `${web.url}/echo.git`])).toMatchObject({ code: 1 });
    expect(leaks([TOKEN], said)).toEqual([]);
  });

  test('are refused when no header can have them, and ignored when empty', async () => {
    const context = dockerfile(`FROM scratch\nADD ${web.url}/file /f\n`);
    const given = ['--no-cache', '--secret', 'id=HTTP_AUTH_TOKEN_127.0.0.1,env=TOKEN', context];
    const refused = await run(given, { TOKEN: 'one\ntwo: three' });
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.err).toContain('invalid secret "HTTP_AUTH_TOKEN_127.0.0.1"');
    expect(await run(given, { TOKEN: '' })).toMatchObject({ code: 0 });
    expect(web.logins).toEqual([]);
  });
});

describe('the command line', () => {
  test("keeps a context's credentials out of output and records", async () => {
    web.login = undefined;
    const secret = 'command-CCCC3333';
    const url = `${web.url.replace('//', `//user:${secret}@`)}/nothing?token=${secret}`;
    const said = [];
    for (const progress of ['plain', 'rawjson', 'quiet', 'tty']) {
      const { code, out, err } = await builds.command(['build', '--progress', progress, url]);
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
      const { out, err } = await builds.command(args);
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

  test('data that only resembles a secret is shared', async () => {
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
