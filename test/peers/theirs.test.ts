import { spawnSync } from 'node:child_process';
import { createReadStream, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Index, Manifest } from '../../src/image/types.ts';
import { openStore } from '../../src/store/store.ts';
import { verifyStore } from '../../src/store/verify.ts';
import { TestBuilds } from '../support/build.ts';
import { type FileFacts, factsOfFolder, factsOfOutput, factsOfTar } from '../support/file-facts.ts';
import { DOCKERS, dockerArguments, run, withoutMounts, works } from '../support/peers.ts';
import { Podman } from '../support/podman.ts';
import { HAS_REGISTRY, type RunningRegistry, startRegistry } from '../support/registry-program.ts';
import { whyNoSandbox } from '../support/sandbox.ts';

const NAME = `jettison-theirs-${process.pid}`;
/** Without RUN --mount and heredocs: every builder knows all of it. */
const DOCKERFILE = `FROM scratch
ADD base.tar /
ENV PATH=/bin A="b c"
RUN mkdir -p /d/gone /d/kept && echo one >/one && ln /one /two && echo x >/d/kept/f && echo y >/d/gone/f
RUN rm /two && rm -r /d/gone && ln -s kept /d/gone && chmod 4755 /bin/busybox && chown 1000:1000 /d/kept/f
RUN true
RUN true
COPY --chown=7:8 files /files
LABEL a.b="x y"
EXPOSE 80
VOLUME /data
STOPSIGNAL SIGQUIT
ONBUILD RUN echo triggered >/tmp/triggered
USER 1000
CMD ["cat", "/one", "/d/gone/f"]
`;
const OUTPUT = 'one\nx\n';

let builds: TestBuilds;
let podman: Podman | string;
let registry: RunningRegistry | undefined;
let why: string | undefined;

beforeAll(async () => {
  why = whyNoSandbox() ?? (process.getuid?.() === 0 ? undefined : 'engines are asked as root only');
  if (why !== undefined) return;
  builds = await TestBuilds.create({});
  podman = Podman.find();
  if (HAS_REGISTRY) registry = await startRegistry(builds.folder);
  builds.write({ Dockerfile: DOCKERFILE, [`files/ü/${'n'.repeat(120)}`]: 'name\n', 'files/empty': '' });
  const tar = join(builds.context, 'base.tar');
  const made = await builds.run(['build', '-o', `type=tar,dest=${tar}`, '-f', '-', builds.context], {
    stdin: 'FROM base\n',
  });
  expect(made.code, made.err).toBe(0);
});
afterAll(() => {
  registry?.process.kill();
  if (typeof podman === 'object') podman.remove();
  builds?.remove();
});
beforeEach((ctx) => {
  if (why !== undefined) ctx.skip(why);
});

/** A store of its own, and the command on it. */
function elsewhere() {
  const home = mkdtempSync(join(builds.folder, 'store-'));
  const must = async (...args: string[]) => {
    const { code, err, out } = await builds.run(args, { env: { JETTISON_HOME: home } });
    expect(code, err).toBe(0);
    return out;
  };
  const check = async () => {
    const store = openStore({ home });
    expect((await verifyStore(store)).problems).toEqual([]);
    store.close();
  };
  return { home, must, check };
}

/**
 * The image runs here, says of itself what its maker says, and a build on it has its files and its triggers.
 *
 * @param from the image as FROM names it
 * @param options.named whether the store has it under that name
 */
async function expectUsable(
  here: ReturnType<typeof elsewhere>,
  from: string,
  files: Record<string, FileFacts>,
  options: { named?: boolean; flags?: string[] } = {},
): Promise<void> {
  if (options.named !== false) expect(await here.must('run', '--rm', from)).toBe(OUTPUT);
  const out = join(here.home, '..', 'out.tar');
  const dockerfile = join(here.home, '..', 'From');
  const build = ['build', '-f', dockerfile, ...(options.flags ?? []), '-o', `type=tar,dest=${out}`];
  writeFileSync(dockerfile, `FROM ${from}\nRUN test "$(cat /one /d/gone/f | tr '\\n' -)" = one-x-\n`);
  await here.must(...build, builds.context);
  const seen = await factsOfTar(createReadStream(out) as AsyncIterable<Buffer>);
  expect(seen).toHaveProperty(['tmp/triggered']);
  const compared = (facts: Record<string, FileFacts>) => {
    const { tmp: _, 'tmp/triggered': __, ...rest } = withoutMounts(facts);
    return rest;
  };
  expect(compared(seen)).toEqual(compared(files));
  expect(seen['d/kept/f']).toMatchObject({ uid: 1000 });
  await here.check();
}

describe.each(DOCKERS)('what docker %s builds', (engine) => {
  it('is read from its archives and from a registry', async (ctx) => {
    const docker = dockerArguments(engine);
    if (!works('docker', ...docker, 'version')) ctx.skip('no Docker engine answers');
    const pushed = `127.0.0.1:${registry?.port}/team/${NAME}:1`;
    const env = { ...process.env, DOCKER_BUILDKIT: '0' };
    const built = spawnSync('docker', [...docker, 'build', '-q', '-t', `${NAME}:1`, builds.context], { env });
    expect(built.status, built.stderr.toString()).toBe(0);
    try {
      const container = run('docker', [...docker, 'create', `${NAME}:1`]).trim();
      const files = await factsOfOutput('docker', [...docker, 'export', container]);
      run('docker', [...docker, 'rm', '-v', container]);
      const [theirs] = JSON.parse(run('docker', [...docker, 'image', 'inspect', `${NAME}:1`]));

      const here = elsewhere();
      const archive = join(here.home, '..', 'docker.tar');
      run('docker', [...docker, 'save', '-o', archive, `${NAME}:1`]);
      await here.must('load', '-q', '-i', archive);
      await expectUsable(here, `${NAME}:1`, files);
      const [mine] = JSON.parse(await here.must('inspect', `${NAME}:1`));
      expect(mine.Id).toBe(theirs.Id);
      for (const member of Object.keys(theirs.Config).filter(
        (name) => theirs.Config[name] && name in mine.Config,
      )) {
        expect({ [member]: mine.Config[member] }).toEqual({ [member]: theirs.Config[member] });
      }
      // And back, with everything that is foreign to us in its config.
      const back = join(here.home, '..', 'back.tar');
      await here.must('save', '-o', back, `${NAME}:1`);
      run('docker', [...docker, 'rmi', '-f', `${NAME}:1`]);
      run('docker', [...docker, 'load', '-i', back]);
      expect(JSON.parse(run('docker', [...docker, 'image', 'inspect', `${NAME}:1`]))[0].Id).toBe(theirs.Id);

      if (registry === undefined) return;
      run('docker', [...docker, 'tag', `${NAME}:1`, pushed]);
      run('docker', [...docker, 'push', pushed]);
      await expectUsable(elsewhere(), pushed, files, { named: false });
      const there = elsewhere();
      await there.must('pull', '-q', pushed);
      await expectUsable(there, pushed, files);
    } finally {
      spawnSync('docker', [...docker, 'rmi', '-f', `${NAME}:1`, pushed]);
    }
  });
});

describe('images built by buildah', () => {
  let files: Record<string, FileFacts>;
  const buildah = (command: string, ...rest: string[]) => {
    const { folder } = podman as Podman;
    return run('buildah', [
      '--root',
      join(folder, 'root'),
      '--runroot',
      join(folder, 'run'),
      command,
      ...rest,
    ]);
  };
  beforeAll(async () => {
    if (why !== undefined || typeof podman === 'string' || !works('buildah', '--version')) return;
    for (const format of ['oci', 'docker']) {
      const flags = ['--layers', '--isolation', 'chroot', '--format', format, '-t', `${NAME}:${format}`];
      buildah('bud', '-q', ...flags, builds.context);
    }
    const folder = run('podman', [...podman.args, 'image', 'mount', `${NAME}:docker`]).trim();
    files = await factsOfFolder(folder);
    run('podman', [...podman.args, 'image', 'unmount', `${NAME}:docker`]);
  });
  beforeEach((ctx) => {
    if (typeof podman === 'string') ctx.skip(podman);
    if (!works('buildah', '--version')) ctx.skip('buildah is not installed');
  });

  it.each(['docker-archive', 'oci-archive'])('and podman saves as %s is loaded', async (format) => {
    const here = elsewhere();
    const archive = join(here.home, '..', `${format}.tar`);
    const { args } = podman as Podman;
    // Only with Docker's manifest an image has triggers.
    const name = `${NAME}:docker`;
    run('podman', [...args, 'save', '-q', '--format', format, '-o', archive, name]);
    const out = await here.must('load', '-i', archive);
    expect(out).toBe(`Loaded image: localhost/${name}\n`);
    spawnSync('rm', [archive]);
    if (format === 'docker-archive') await expectUsable(here, `localhost/${name}`, files);
    else expect(await here.must('run', '--rm', `localhost/${name}`)).toBe(OUTPUT);
  });

  it.each(['gzip', 'zstd', 'none'])('is a base as a layout with compression %s', async (compression) => {
    const here = elsewhere();
    const layout = join(builds.folder, `layout-${compression}`);
    mkdirSync(layout);
    const plain = join(builds.folder, `plain-${compression}`);
    buildah('push', '-q', '--disable-compression', `${NAME}:docker`, `dir:${plain}`);
    const how =
      compression === 'none'
        ? ['--dest-oci-accept-uncompressed-layers']
        : ['--dest-compress', '--dest-compress-format', compression];
    run('skopeo', ['copy', '-q', '--format', 'oci', ...how, `dir:${plain}`, `oci:${layout}:a`]);
    const [index] = (JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')) as Index).manifests;
    const blob = readFileSync(join(layout, 'blobs', 'sha256', index!.digest.slice('sha256:'.length)), 'utf8');
    const types = (JSON.parse(blob) as Manifest).layers.map(({ mediaType }) =>
      mediaType.replace(/.*tar/, ''),
    );
    expect(new Set(types)).toEqual(new Set([{ gzip: '+gzip', zstd: '+zstd', none: '' }[compression]]));
    const flags = ['--build-context', `theirs=oci-layout://${layout}:a`];
    const dockerfile = join(builds.folder, 'From');
    const out = join(builds.folder, 'layout.tar');
    writeFileSync(dockerfile, 'FROM theirs\nRUN test "$(cat /one)" = one\n');
    await here.must('build', '-f', dockerfile, ...flags, '-o', `type=tar,dest=${out}`, builds.context);
    const seen = await factsOfTar(createReadStream(out) as AsyncIterable<Buffer>);
    const { tmp: _, ...mine } = withoutMounts(seen);
    const { tmp: __, ...theirs } = withoutMounts(files);
    expect(sameTimes(mine, theirs)).toEqual(theirs);
    await here.check();
  });

  it.each(['oci', 'v2s2'])(
    'for several platforms is pulled and built on from an index of kind %s',
    async (kind) => {
      if (registry === undefined) return;
      const { args } = podman as Podman;
      const list = `${NAME}-list-${kind}`;
      const name = `127.0.0.1:${registry.port}/team/${list}:1`;
      const platforms = ['amd64', 'arm64', 'arm/v6', 'arm/v7'];
      for (const platform of platforms) {
        const [architecture, variant] = platform.split('/');
        writeFileSync(
          join(builds.folder, 'Arch'),
          `FROM scratch\nCOPY files/empty /${platform.replace('/', '-')}\n`,
        );
        const tag = `${list}:${platform.replace('/', '-')}`;
        const format = ['--format', kind === 'oci' ? 'oci' : 'docker'];
        const arch = ['--arch', architecture!, ...(variant === undefined ? [] : ['--variant', variant])];
        buildah(
          'bud',
          '-q',
          '-f',
          join(builds.folder, 'Arch'),
          ...format,
          ...arch,
          '-t',
          tag,
          builds.context,
        );
      }
      run('podman', [...args, 'manifest', 'create', `${list}:1`]);
      for (const platform of platforms) {
        const [architecture, variant] = platform.split('/');
        const arch = ['--arch', architecture!, ...(variant === undefined ? [] : ['--variant', variant])];
        const image = `containers-storage:localhost/${list}:${platform.replace('/', '-')}`;
        run('podman', [...args, 'manifest', 'add', ...arch, `${list}:1`, image]);
      }
      const push = ['manifest', 'push', '--all', '--tls-verify=false', '--format', kind];
      run('podman', [...args, ...push, `${list}:1`, `docker://${name}`]);
      const raw = JSON.parse(run('skopeo', ['inspect', '--raw', '--tls-verify=false', `docker://${name}`]));
      expect(raw.mediaType).toContain(kind === 'oci' ? 'oci.image.index' : 'manifest.list.v2');

      const here = elsewhere();
      const out = join(builds.folder, `platforms-${kind}`);
      writeFileSync(join(builds.folder, 'From'), `FROM ${name}\n`);
      for (const [asked, found] of [
        ['linux/amd64', 'amd64'],
        ['linux/arm64/v8', 'arm64'],
        ['linux/arm', 'arm-v7'],
        ['linux/arm/v6', 'arm-v6'],
        ['linux/arm/v8', 'arm-v7'],
      ]) {
        const folder = join(out, found!, asked!.replaceAll('/', '-'));
        const flags = ['-f', join(builds.folder, 'From'), '--platform', asked!, '-o', folder];
        await here.must('build', ...flags, builds.context);
        expect(Object.keys(await factsOfFolder(folder)).filter((path) => path !== '')).toEqual([found]);
      }
      await here.must('pull', '-q', '--platform', 'linux/arm/v6', name);
      const all = await here.must('pull', '--platform', 'linux/arm/v6', name);
      expect(all).toContain('Image is up to date');
      await here.check();
    },
  );
});

/** Files with the times of others where those are directories: the layers of two builds may say them apart. */
function sameTimes(
  facts: Record<string, FileFacts>,
  others: Record<string, FileFacts>,
): Record<string, FileFacts> {
  return Object.fromEntries(
    Object.entries(facts).map(([path, one]) => [
      path,
      one.type === 'directory' ? { ...one, mtime: others[path]?.mtime ?? one.mtime } : one,
    ]),
  );
}
