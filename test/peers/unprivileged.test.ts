import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findImage } from '../../src/store/lookup.ts';
import { verifyStore } from '../../src/store/verify.ts';
import { TestBuilds } from '../support/build.ts';
import { RUNG_BUILDS, stepLayers } from '../support/rung-builds.ts';
import { copyCommand, whyNoSandbox } from '../support/sandbox.ts';

/** Docker engines to talk to, as for `docker -H`, separated by blanks; by default the CLI's own. */
const ENGINES = process.env['JETTISON_PEER_DOCKERS']?.split(' ') ?? [process.env['DOCKER_HOST'] ?? ''];
const IMAGE = `jettison-peer-node-${process.pid}:1`;
const REPRODUCIBLE = ['--reproducible', '--build-arg', 'SOURCE_DATE_EPOCH=1700000000', '--progress', 'plain'];

interface Result {
  code: number | null;
  out: string;
  err: string;
}

// A real container without any privileges: Docker's default capabilities and seccomp filter, and no network.
describe.each(ENGINES)('in a container of docker %s', (engine) => {
  const docker = engine === '' ? [] : ['-H', engine];
  let why: string | undefined;
  let here: TestBuilds;
  let there: TestBuilds;
  let cli: string;

  /** Runs the command inside a container, on a store and a context of this machine. */
  function inside(args: string[], options: { stdin?: string; flags?: string[] } = {}): Result {
    const { folder, home } = there;
    const { status, stdout, stderr } = spawnSync(
      'docker',
      [
        ...[...docker, 'run', '--rm', '-i', '--network', 'none', '-v', `${folder}:${folder}`],
        ...['-e', `JETTISON_HOME=${home}`, ...(options.flags ?? []), IMAGE, 'node', cli, ...args],
      ],
      { input: options.stdin ?? '', encoding: 'utf8', maxBuffer: 1 << 26 },
    );
    return { code: status, out: stdout, err: stderr };
  }

  beforeAll(async () => {
    why = whyNoSandbox() ?? (process.getuid?.() === 0 ? undefined : 'the containers belong to root');
    if (spawnSync('docker', [...docker, 'version']).status !== 0) why ??= 'docker does not answer here';
    if (why !== undefined) return;
    here = await TestBuilds.create({});
    there = await TestBuilds.create({});
    for (const builds of [here, there]) builds.write({ a: 'a', 'sub/b': 'b' });
    cli = copyCommand(join(there.folder, 'command'));
    expect(await here.run(['base', 'host', '--slim', '-t', IMAGE])).toMatchObject({ code: 0 });
    const archive = join(here.folder, 'node.tar');
    expect(await here.run(['save', '-o', archive, IMAGE])).toMatchObject({ code: 0 });
    execFileSync('docker', [...docker, 'load', '-i', archive], { stdio: 'pipe' });
  });
  afterAll(() => {
    if (why === undefined) spawnSync('docker', [...docker, 'rmi', '-f', IMAGE]);
    here?.remove();
    there?.remove();
  });
  beforeEach((ctx) => {
    if (why !== undefined) ctx.skip(why);
  });

  it('doctor finds the rung chroot and says why no better one is there', () => {
    const { out } = inside(['doctor', '--json']);
    const { rungs } = JSON.parse(out) as { rungs: { name: string; usable: boolean }[] };
    expect(rungs.filter(({ usable }) => usable).map(({ name }) => name)).toEqual(['chroot', 'none']);
  });

  it.each(RUNG_BUILDS.map((one) => [one.name, one] as const))(
    'layers are those of this machine: %s',
    async (name, { dockerfile, files = {} }) => {
      const tag = name.replaceAll(/\W/g, '-');
      for (const builds of [here, there]) builds.write(files);
      await here.build(dockerfile, {
        tags: [tag],
        reproducible: true,
        buildArgs: { SOURCE_DATE_EPOCH: '1700000000' },
      });
      const args = ['build', '-t', tag, ...REPRODUCIBLE, '-f', '-', there.context];
      const { code, err } = inside(args, { stdin: dockerfile });
      expect(code, err).toBe(0);
      const expected = stepLayers(here.store);
      for (const [definition, layer] of Object.entries(stepLayers(there.store))) {
        expect(layer).toEqual(expected[definition]);
      }
      expect(findImage(there.store, tag).manifest).toEqual(findImage(here.store, tag).manifest);
    },
  );

  it.each(['auto', 'none'])(
    'a build that only copies needs nothing of that (--isolation %s)',
    async (rung) => {
      const dockerfile = [
        'FROM base AS from',
        'FROM base',
        'WORKDIR /app',
        'COPY --chown=node --chmod=4750 a ./',
        'COPY --from=from --chown=7:8 /bin/busybox /home /copied/',
        'COPY sub /sub',
        `LABEL rung=${rung}`,
      ].join('\n');
      const { digest } = await here.build(dockerfile, {
        reproducible: true,
        buildArgs: { SOURCE_DATE_EPOCH: '1700000000' },
      });
      const { code, err } = inside(
        ['build', '-t', 'copies', '--isolation', rung, ...REPRODUCIBLE, '-f', '-', there.context],
        { stdin: dockerfile },
      );
      expect(code, err).toBe(0);
      expect(findImage(there.store, 'copies').target.digest).toBe(digest);
    },
  );

  it('names the capabilities that a container lacks, and the docker flag that adds them', () => {
    const lacking = inside(['build', '-f', '-', '--isolation', 'chroot', there.context], {
      stdin: 'FROM base\nRUN echo lacking\n',
      flags: ['--cap-drop', 'MKNOD'],
    });
    expect(lacking.code).toBe(1);
    expect(lacking.err).toContain('--cap-add MKNOD');
    const user = inside(['build', '-f', '-', '--isolation', 'chroot', there.context], {
      stdin: 'FROM base\nRUN echo user\n',
      flags: ['--user', '0', '--cap-drop', 'ALL'],
    });
    expect(user.code).toBe(1);
    expect(user.err).toContain('CAP_CHOWN');
  });

  it('kills processes that a command leaves behind before the build ends', () => {
    const { code, err } = inside(['build', '--progress', 'plain', '-f', '-', there.context], {
      stdin: 'FROM base\nRUN (setsid sleep 4711 &); sleep 4711 & true\n',
    });
    expect(code, err).toBe(0);
  });

  it('runs a container in a container, and refuses options that need mounts', () => {
    const ran = inside(['run', 'base', 'sh', '-c', 'id -u; echo x >/x; exit 7']);
    expect(ran).toMatchObject({ code: 7, out: '0\n' });
    for (const [flag, what] of [
      ['--read-only', 'a read-only root'],
      ['--network=none', 'a network of its own'],
    ] as const) {
      const { code, err } = inside(['run', flag, 'base', 'true']);
      expect(code).toBe(125);
      expect(err).toContain(what);
    }
  });

  it('the store is one for every other machine, too', async () => {
    expect((await verifyStore(there.store)).problems).toEqual([]);
    const { output } = await there.build(
      'FROM modes\nRUN stat -c "%a %u:%g %n" /lower/one /private/su\n',
      {},
    );
    expect(output).toContain('4711 0:0 /lower/one');
    expect(output).toContain('6755 0:0 /private/su');
  });
});
