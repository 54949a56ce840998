import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLI, type Ended, ended, otherUser, startCommand, TestBuilds } from '../support/build.ts';
import { copyCommand, eventually, processesWith, whyNoSandbox } from '../support/sandbox.ts';
import { sample } from '../support/thorough.ts';

let builds: TestBuilds;
const why = whyNoSandbox();

beforeAll(async () => {
  if (why !== undefined) return;
  builds = await TestBuilds.create({});
  builds.write({
    'application.json': '{}',
    'secret.key': 'k',
    'src/main.js': '1',
    '.dockerignore': '# keys\n*.key\n',
  });
  symlinkSync('/etc/passwd', join(builds.context, 'absolute'));
  symlinkSync('../../../../../../etc', join(builds.context, 'upwards'));
  writeFileSync(join(builds.folder, 'outside'), 'outside');
});
afterAll(async () => {
  if (why !== undefined) return;
  // Whatever failed, the store is as good as before.
  expect(await builds.command(['doctor', '--store'])).toMatchObject({ code: 0, err: '' });
  expect(builds.temporaries()).toEqual([]);
  builds.remove();
});

/** Exactly one error, a hint, and nothing of Jettison's own code. */
function expectOneError(
  { code, signal, out, err }: Ended,
  wanted: { code: number; error: RegExp; hint?: RegExp },
): void {
  expect(err).toMatch(wanted.error);
  if (wanted.hint !== undefined) expect(err).toMatch(wanted.hint);
  expect({ code, signal, out }).toEqual({ code: wanted.code, signal: null, out: '' });
  expect(err.match(/^error: /gm)).toHaveLength(1);
  expect(err).not.toMatch(/internal error|^ {4}at |\bat .*\.(js|ts):\d/m);
}

async function buildOf(dockerfile: string, ...args: string[]): Promise<Ended> {
  builds.write({ Dockerfile: dockerfile });
  return builds.command(['build', '--progress=plain', ...args, builds.context]);
}

type Wrong = [what: string, dockerfile: string, error: RegExp, hint?: RegExp];

/** Their registry is asked several times, over seconds. */
const UNREACHABLE: Wrong[] = [
  [
    'has an unreachable base image',
    'FROM localhost:1/nope:1\n',
    /localhost:1\/nope:1 is not in the store and cannot be pulled/,
  ],
  ['copies from an unreachable image', 'FROM base\nCOPY --from=127.0.0.1:1/nope / /\n', /Dockerfile:2:/],
];

describe('a Dockerfile that is wrong', () => {
  test.for<Wrong>([
    ['is empty', '', /has no instructions/, /FROM/],
    ['begins with something else', 'RUN x\n', /RUN is before the first FROM/],
    ['is no text', '\u0000\u0001FROM', /error: /],
    ['has a syntax error', 'FROM base\nCOPY a\n', /Dockerfile:2:1\n {2}2 \| COPY a\n/],
    ['has an unknown instruction', 'FROM base\nCOPPY a b\n', /Dockerfile:2:1/, /Did you mean COPY\?/],
    ['has an unknown flag', 'FROM base\nCOPY --chwn=1 a b\n', /Dockerfile:2:6/, /Did you mean --chown\?/],
    ['has a bad port', 'FROM base\nEXPOSE 99999999\n', /EXPOSE 99999999/],
    ['uses a required argument', 'ARG V\nFROM base\nARG X=${V:?give V}\n', /give V/],
    ['has no end of a heredoc', 'FROM base\nRUN <<EOF\necho\n', /EOF/],
    ['copies from itself', 'FROM base AS a\nCOPY --from=a /x /\n', /stage "a" copies from itself/],
    ['copies from itself by number', 'FROM base AS a\nCOPY --from=0 /x /\n', /stage "0" copies from itself/],
    [
      'copies from a number too high',
      'FROM base\nCOPY --from=7 /x /\n',
      /unknown stage number 7/,
      /this file has 1/,
    ],
    [
      'is built on a later stage',
      'FROM later.invalid AS a\nFROM base AS later.invalid\nCOPY --from=a / /\n',
      /Dockerfile:1:/,
    ],
    ['has an upper-case base', 'FROM Base\n', /lower ?case/],
    ['has an empty base', 'ARG B\nFROM $B\n', /empty/, /--build-arg/],
    [
      'lacks a file',
      'FROM base\nCOPY aplication.json /\n',
      /"aplication.json" does not exist/,
      /Did you mean "application.json"\?/,
    ],
    [
      'lacks a file in a directory',
      'FROM base\nCOPY src/mian.js /\n',
      /Dockerfile:2:/,
      /Did you mean "src\/main.js"\?/,
    ],
    [
      'copies an ignored file',
      'FROM base\nCOPY secret.key /\n',
      /does not exist/,
      /Line 2 of \.dockerignore \("\*\.key"\)/,
    ],
    [
      'copies from outside',
      'FROM base\nCOPY ../outside /\n',
      /"\.\.\/outside" does not exist in the build context/,
    ],
    [
      'copies a link that leads out',
      'FROM base\nCOPY absolute /\n',
      /does not exist/,
      /symbolic link to "\/etc\/passwd"/,
    ],
    [
      'copies through a link that leads out',
      'FROM base\nCOPY upwards/passwd /\n',
      /"upwards\/passwd" does not exist/,
    ],
    [
      'lacks a file of a stage',
      'FROM base AS b\nFROM base\nCOPY --from=b /bin/bysybox /\n',
      /does not exist in stage "b"/,
      /Did you mean "bin\/busybox"\?/,
    ],
    ['puts a directory over a file', 'FROM base\nCOPY src /usr/a\n', /Dockerfile:2:/],
    ...sample(UNREACHABLE, 1),
    [
      'runs what fails',
      'FROM base\nRUN echo one; echo two >&2; exit 3\n',
      /one\n.*two\n.*RUN echo one; echo two >&2; exit 3 failed with exit code 3\n {2}Dockerfile:2:1/s,
    ],
    ['runs what is missing', 'FROM base\nRUN nosuchcommand\n', /exit code 127/, /not found/],
    ['runs a missing program', 'FROM base\nRUN ["nosuch"]\n', /exit code 127/, /"nosuch" was not found/],
    ['runs what is no program', 'FROM base\nRUN ["/etc/passwd"]\n', /exit code 126/],
    // Not itself: process 1 cannot be killed from inside.
    ['runs what kills itself', "FROM base\nRUN sh -c 'kill -9 $$'; exit $?\n", /exit code 137/],
    ['runs without a shell', 'FROM scratch\nRUN true\n', /exit code 127/],
    [
      'runs as an unknown user',
      'FROM base\nUSER nobodyhere\nRUN id\n',
      /unknown user "nobodyhere"/,
      /USER uid:gid/,
    ],
    [
      'runs in a file',
      'FROM base\nENV PATH=/bin\nRUN rm -r /usr/a && echo > /dir\nWORKDIR /dir\n',
      /Dockerfile:4:/,
    ],
    [
      'needs a secret',
      'FROM base\nRUN --mount=type=secret,id=key,required=true cat /run/secrets/key\n',
      /secret "key" is required/,
      /--secret id=key/,
    ],
  ])('%s', async ([, dockerfile, error, hint], ctx) => {
    if (why !== undefined) return ctx.skip(why);
    const wanted = { code: 1, error, ...(hint === undefined ? {} : { hint }) };
    expectOneError(await buildOf(dockerfile), wanted);
  });

  test('copies from a later stage', async (ctx) => {
    if (why !== undefined) return ctx.skip(why);
    const dockerfile = 'FROM base AS a\nCOPY --from=b /x /\nFROM base AS b\nCOPY --from=a /x /\n';
    expectOneError(await buildOf(dockerfile), { code: 1, error: /stage "b" comes after the instruction/ });
  });

  test('misspells a stage, or uses a later one', async (ctx) => {
    if (why !== undefined) return ctx.skip(why);
    const typo = 'FROM base AS builder.invalid\nFROM base\nCOPY --from=bulider.invalid / /\n';
    const hint = /Did you mean the stage "builder\.invalid"\?/;
    expectOneError(await buildOf(typo), { code: 1, error: /Dockerfile:3:/, hint });
    const later = 'FROM b.invalid AS a\nFROM base AS b.invalid\nCOPY --from=a / /\n';
    const before = /FROM can only name stages before it/;
    expectOneError(await buildOf(later), { code: 1, error: /Dockerfile:1:/, hint: before });
  });

  test('has no such target', async (ctx) => {
    if (why !== undefined) return ctx.skip(why);
    const result = await buildOf('FROM base AS production\n', '--target', 'prodution');
    expectOneError(result, { code: 1, error: /"prodution" is not in/, hint: /Did you mean "production"\?/ });
  });

  test('is not there, or is a directory', async (ctx) => {
    if (why !== undefined) return ctx.skip(why);
    const empty = join(builds.folder, 'empty');
    mkdirSync(empty);
    const build = () => builds.command(['build', empty]);
    expectOneError(await build(), { code: 1, error: /there is no Dockerfile in/, hint: /-f/ });
    mkdirSync(join(empty, 'Dockerfile'));
    expectOneError(await build(), { code: 1, error: /"Dockerfile" is a directory/ });
  });
});

describe('a command line that is wrong', () => {
  test.for<[what: string, args: string[], code: number, error: RegExp]>([
    ['no context', ['build'], 2, /the build context is missing/],
    ['two contexts', ['build', '.', 'x'], 2, /one build context is enough/],
    ['a missing context', ['build', 'nowhere'], 1, /"nowhere" does not exist/],
    ['a missing -f', ['build', '-f', 'nowhere', '.'], 1, /the Dockerfile "nowhere" does not exist/],
    ['an unknown option', ['build', '--tagg', 'x', '.'], 2, /unknown option --tagg/],
    ['an unknown progress', ['build', '--progress=loud', '.'], 2, /invalid --progress "loud"/],
    ['a bad name', ['build', '-t', 'a:b:c', '.'], 2, /invalid image name "a:b:c"/],
    ['a bad platform', ['build', '--platform=a/b/c/d', '.'], 2, /invalid platform "a\/b\/c\/d"/],
    ['a bad label', ['build', '--label==x', '.'], 2, /has no name/],
    [
      'an unreadable secret',
      ['build', '--secret', 'id=x,src=nowhere', '.'],
      2,
      /the secret "x" cannot be read/,
    ],
    ['an unset secret', ['build', '--secret', 'id=x,env=NOWHERE', '.'], 2, /NOWHERE is not set/],
  ])('%s', async ([, args, code, error], ctx) => {
    if (why !== undefined) return ctx.skip(why);
    writeFileSync(join(builds.folder, 'Dockerfile'), 'FROM base\n');
    expectOneError(await builds.command(args), { code, error, hint: /^hint: /m });
  });

  test('an invalid SOURCE_DATE_EPOCH', async (ctx) => {
    if (why !== undefined) return ctx.skip(why);
    builds.write({ Dockerfile: 'FROM base\n' });
    const result = await builds.command(['build', builds.context], { env: { SOURCE_DATE_EPOCH: 'today' } });
    expectOneError(result, { code: 2, error: /invalid SOURCE_DATE_EPOCH "today"/ });
  });
});

describe('a machine that does not allow it', () => {
  /** Jettison as an ordinary user, with a store of its own that has the base. */
  async function asOther() {
    const ids = otherUser();
    if (typeof ids === 'string') return ids;
    const folder = join(builds.folder, 'other');
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
    execFileSync('chown', [`${ids.uid}:${ids.gid}`, folder]);
    chmodSync(builds.folder, 0o755);
    const cli = copyCommand(join(builds.folder, 'command'));
    const archive = join(builds.folder, 'base.tar');
    await builds.command(['save', '-o', archive, 'base']);
    chmodSync(archive, 0o644);
    const run = (args: string[], home = join(folder, 'store')) =>
      ended(startCommand(args, { home, cwd: folder, cli, ids }));
    expect(await run(['load', '-i', archive])).toMatchObject({ code: 0 });
    return { run, folder };
  }

  test('a store that cannot be written, and files that may not be read', async (ctx) => {
    if (why !== undefined) return ctx.skip(why);
    const other = await asOther();
    if (typeof other === 'string') return ctx.skip(other);
    builds.write({ Dockerfile: 'FROM base\nCOPY src /src/\n' });
    const build = ['build', builds.context];
    for (const home of ['/proc/store', '/root/store', '/etc/passwd']) {
      const result = await other.run(build, home);
      expectOneError(result, { code: 1, error: /the store .* cannot be used/, hint: /JETTISON_HOME/ });
    }
    const file = join(builds.context, 'src', 'main.js');
    const folder = join(builds.context, 'src');
    for (const [path, mode, name] of [
      [file, 0o600, 'src/main.js'],
      [folder, 0o700, 'src'],
    ] as const) {
      chmodSync(path, mode);
      const error = new RegExp(`cannot read "${name}" in the build context: permission denied`);
      expectOneError(await other.run(build), { code: 1, error, hint: /\.dockerignore/ });
      chmodSync(path, 0o755);
    }
    expect(await other.run(build)).toMatchObject({ code: 0 });
    expect(await other.run(['doctor', '--store'])).toMatchObject({ code: 0 });
  });

  test('a disk that is full', async (ctx) => {
    if (why !== undefined) return ctx.skip(why);
    if (process.getuid?.() !== 0) return ctx.skip('only root can mount a small disk');
    const disk = join(builds.folder, 'disk');
    mkdirSync(disk);
    const archive = join(builds.folder, 'base.tar');
    await builds.command(['save', '-o', archive, 'base']);
    writeFileSync(join(builds.context, 'big'), randomBytes(6 << 20));
    // Each dies of something else: packing, the command itself, the directory form.
    const dockerfiles = ['COPY big /b/', 'RUN cat /dev/urandom > /x', 'COPY big /\\nRUN true'];
    const steps = dockerfiles.map(
      (text) => `printf 'FROM base\\n${text}\\n' | "$@" build -f - --progress=plain '${builds.context}' >&2
        echo "$?"; "$@" doctor --store >&2; echo "$?"; ls "$JETTISON_HOME/tmp" | wc -l`,
    );
    // The mount is nobody else's, and gone with the script.
    const script = `mount -t tmpfs -o size=6m tmpfs '${disk}' && "$@" load -q -i '${archive}' >&2 || exit 9
      ${steps.join('\n')}
      printf 'FROM base\\nRUN true\\n' | "$@" build -q -f - '${builds.context}' >&2; echo "$?"`;
    const { stdout, stderr } = spawnSync(
      'unshare',
      ['--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', process.execPath, CLI],
      { env: { PATH: process.env['PATH'], JETTISON_HOME: disk }, encoding: 'utf8' },
    );
    expect(stdout.split(/\s+/).filter(Boolean)).toEqual(['1', '0', '0', '1', '0', '0', '1', '0', '0', '0']);
    expect(stderr.match(/^error: /gm)).toHaveLength(3);
    expect(stderr.match(/^error: no space left on the disk/gm)).toHaveLength(2);
    expect(stderr).toMatch(/error: RUN cat \/dev\/urandom > \/x failed with exit code 1/);
    expect(stderr).toMatch(/^hint: The disk of the store, .*\/disk, may be full/m);
    expect(stderr).not.toMatch(/internal error|^ {4}at /m);
  });

  test('a command that leaves a daemon behind: the build ends, and so does the daemon', async (ctx) => {
    if (why !== undefined) return ctx.skip(why);
    const result = await buildOf('FROM base\nRUN (setsid sleep 98765.4321 >/dev/null 2>&1 &) ; echo done\n');
    expect(result).toMatchObject({ code: 0 });
    await eventually('the daemon is gone', () => processesWith('98765.4321').length === 0);
  });
});
