import { spawnSync } from 'node:child_process';
import { createReadStream, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { COMPRESSIONS } from '../../src/export/output.ts';
import { sha256 } from '../../src/image/digest.ts';
import { type ImageConfig, type Manifest, MEDIA } from '../../src/image/types.ts';
import { findImage } from '../../src/store/lookup.ts';
import { openStore } from '../../src/store/store.ts';
import { verifyStore } from '../../src/store/verify.ts';
import { TestBuilds } from '../support/build.ts';
import { type FileFacts, factsOfFolder, factsOfOutput, factsOfTar } from '../support/file-facts.ts';
import { makeImage, makeTar } from '../support/images.ts';
import { DOCKERS, dockerArguments, run, withoutMounts, works } from '../support/peers.ts';
import { Podman } from '../support/podman.ts';
import { HAS_REGISTRY, type RunningRegistry, startRegistry } from '../support/registry-program.ts';
import { whyNoSandbox } from '../support/sandbox.ts';

/** vfs capabilities, revision 2: cap_net_bind_service, permitted and effective. */
const BIND_SERVICE = Buffer.from('0100000200040000000000000000000000000000', 'hex').toString('base64');
const COLOUR = Buffer.from('bl\0ue\xff', 'latin1').toString('base64');
const LONG = `${'l'.repeat(90)}/`.repeat(4) + 'n'.repeat(120);
const NAME = 'everything:1';

const DOCKERFILE = `FROM attributes
COPY --from=base / /
ENV PATH=/bin
RUN mkdir -p /w/gone /w/opaque /w/becomes /w/team \\
 && touch /w/gone/f /w/opaque/old /w/becomes/f && echo keep >/w/keep && echo del >/w/del && chmod 600 /etc/attributes
COPY --chown=7:8 d /d
RUN rm /w/del && rm -r /w/gone /w/opaque /w/becomes && mkdir /w/opaque && echo new >/w/opaque/new && ln -s keep /w/becomes
RUN echo one >/w/one && ln /w/one /w/hard && ln /w/one /d/hard && ln -s /nowhere /w/dangling \\
 && cp /bin/busybox /w/suid && chmod 4755 /w/suid && chmod 2775 /w/team && mkdir /w/sticky && chmod 1777 /w/sticky \\
 && mkfifo /w/fifo && mknod /w/null c 1 3 && mknod /w/block b 7 200
RUN chown 1000:1000 /w/keep && echo big >/w/big && chown 3000000:4000000 /w/big && touch -d @1234567890 /w/keep
ADD extra.tar /x/
RUN touch /tmp/x && rm /tmp/x && touch -d @1500000000 /tmp
RUN true
WORKDIR /w
ENV A="b c" Ü=ü
LABEL a.b="x y" z=1
USER 1000:1000
VOLUME /data
EXPOSE 80/tcp 53/udp
HEALTHCHECK --interval=5s --timeout=2s --retries=4 CMD ["true"]
STOPSIGNAL SIGINT
ENTRYPOINT ["/bin/sh","-c"]
CMD ["id -u; cat keep"]
`;

let builds: TestBuilds;
let podman: Podman | string;
let registry: RunningRegistry | undefined;
let why: string | undefined;
/** The image's files as \`type=tar\` has them, and its config. */
let files: Record<string, FileFacts>;
let config: ImageConfig;
let imageId: string;

const at = (...names: string[]) => join(builds.folder, ...names);
const pushed = (type: string) => `127.0.0.1:${registry?.port}/team/everything:${type}`;

beforeAll(async () => {
  why =
    whyNoSandbox() ??
    (process.getuid?.() === 0 ? undefined : 'only root can make device files') ??
    (works('zstd', '--version') ? undefined : 'zstd is not installed');
  if (why !== undefined) return;
  builds = await TestBuilds.create({});
  podman = Podman.find();
  if (HAS_REGISTRY) registry = await startRegistry(builds.folder);
  builds.write({ 'd/ü/naïve файл.txt': 'hi\n', [`d/${LONG}`]: 'deep\n', Dockerfile: DOCKERFILE });
  const extra = makeTar([
    [{ path: 'capable', mode: 0o755, xattrs: { 'security.capability': BIND_SERVICE } }, 'cap\n'],
    [{ path: 'old', mtime: 86_400, uid: 2_097_152 }, 'old\n'],
  ]);
  writeFileSync(join(builds.context, 'extra.tar'), extra);
  const tar = makeTar([
    [{ path: 'etc', type: 'directory', mode: 0o755 }],
    [{ path: 'etc/attributes', xattrs: { 'user.colour': COLOUR } }, 'blue\n'],
  ]);
  const blob = { mediaType: MEDIA.ociLayerGzip, ...builds.store.blobs.write(gzipSync(tar)) };
  await makeImage(builds.store, { name: 'attributes', layers: [{ diffId: sha256(tar), blob }] });
  builds.store.close();

  const build = async (...args: string[]) => {
    const { code, err } = await builds.run(['build', '-t', NAME, ...args, builds.context]);
    expect(code, err).toBe(0);
  };
  await build(
    '-o',
    'type=image',
    '-o',
    `type=tar,dest=${at('files.tar')}`,
    '-o',
    `type=local,dest=${at('files')}`,
  );
  for (const type of COMPRESSIONS) {
    const form = `compression=${type},force-compression=true`;
    const push = registry === undefined ? [] : ['-o', `type=registry,"name=${pushed(type)}",${form}`];
    await build(
      ...['-o', `type=oci,dest=${at(`oci-${type}.tar`)},${form}`],
      ...['-o', `type=oci,tar=false,dest=${at(`oci-${type}`)},${form}`],
      ...['-o', `type=docker,dest=${at(`docker-${type}.tar`)},${form}`],
      ...push,
    );
  }
  files = await factsOfTar(createReadStream(at('files.tar')) as AsyncIterable<Buffer>);
  ({ config, id: imageId } = findImage(builds.store, NAME));
}, 120_000);
afterAll(() => {
  registry?.process.kill();
  if (typeof podman === 'object') podman.remove();
  builds?.remove();
});
beforeEach((ctx) => {
  if (why !== undefined) ctx.skip(why);
});

/** The members of a config that say how the image runs, in one form whoever shows them. */
function runtime(seen: Record<string, unknown>) {
  const members = [
    'User',
    'Env',
    'Entrypoint',
    'Cmd',
    'WorkingDir',
    'Labels',
    'ExposedPorts',
    'Volumes',
    'StopSignal',
  ];
  return Object.fromEntries(members.map((name) => [name, seen[name]]));
}

describe('files', () => {
  it('are in a tar as the Dockerfile made them', () => {
    const { mtime: _, ...keep } = files['w/keep']!;
    expect(keep).toMatchObject({ type: 'file', mode: 0o644, uid: 1000, gid: 1000, size: 5 });
    expect(files['w/keep']!.mtime).toBe(1_234_567_890);
    expect(files['etc/attributes']).toMatchObject({ mode: 0o600, xattrs: { 'user.colour': COLOUR } });
    expect(files['x/capable']).toMatchObject({
      mode: 0o755,
      xattrs: { 'security.capability': BIND_SERVICE },
    });
    expect(files['x/old']).toMatchObject({ uid: 2_097_152, mtime: 86_400 });
    expect(files['w/big']).toMatchObject({ uid: 3_000_000, gid: 4_000_000 });
    expect(files['w/suid']).toMatchObject({ mode: 0o4755 });
    expect(files['w/team']).toMatchObject({ type: 'directory', mode: 0o2775 });
    expect(files['w/sticky']).toMatchObject({ mode: 0o1777 });
    expect(files['w/fifo']).toMatchObject({ type: 'fifo' });
    expect(files['w/null']).toMatchObject({ type: 'char', device: { major: 1, minor: 3 } });
    expect(files['w/block']).toMatchObject({ type: 'block', device: { major: 7, minor: 200 } });
    expect(files['w/dangling']).toMatchObject({ type: 'symlink', link: '/nowhere' });
    expect(files['w/becomes']).toMatchObject({ type: 'symlink', link: 'keep' });
    expect(files['w/one']!.names).toEqual(['d/hard', 'w/hard', 'w/one']);
    expect(files[`d/${LONG}`]).toMatchObject({ size: 5, uid: 7, gid: 8 });
    expect(files['d/ü/naïve файл.txt']).toMatchObject({ size: 3 });
    expect(files['tmp']).toMatchObject({ mode: 0o1777, mtime: 1_500_000_000 });
    for (const gone of ['w/gone', 'w/del', 'w/opaque/old', 'w/becomes/f', 'tmp/x'])
      expect(files).not.toHaveProperty([gone]);
  });

  it('are unpacked by GNU tar from type=tar as they are', async () => {
    mkdirSync(at('untarred'));
    const keep = ['--numeric-owner', '--same-owner', '--xattrs', '--xattrs-include=*'];
    run('tar', ['-C', at('untarred'), '-xp', ...keep, '-f', at('files.tar')]);
    const { '': _, ...seen } = await factsOfFolder(at('untarred'));
    expect(seen).toEqual(files);
  });

  it('are in a folder of type=local, as an ordinary user may have them', async () => {
    const { '': _, ...seen } = await factsOfFolder(at('files'));
    const expected: Record<string, FileFacts> = {};
    for (const [path, { xattrs: _, ...one }] of Object.entries(files)) {
      if (['fifo', 'char', 'block'].includes(one.type)) continue;
      const mode = one.type === 'directory' ? one.mode & 0o1777 : one.mode & 0o777;
      expected[path] = { ...one, mode, uid: 0, gid: 0 };
    }
    expect(seen).toEqual(expected);
  });
});

describe.each(COMPRESSIONS)('layers that are %s', (type) => {
  const ofSkopeo = () =>
    [
      [`oci-archive:${at(`oci-${type}.tar`)}`, true],
      [`oci:${at(`oci-${type}`)}`, true],
      [`docker-archive:${at(`docker-${type}.tar`)}`, false],
    ] as const;

  it('are read by skopeo from archives and folders', (ctx) => {
    if (!works('skopeo', '--version')) ctx.skip('skopeo is not installed');
    const manifest = JSON.parse(readFileSync(at(`oci-${type}`, 'index.json'), 'utf8')).manifests[0];
    for (const [source, keepsBytes] of ofSkopeo()) {
      const seen = JSON.parse(run('skopeo', ['inspect', source]));
      expect(seen).toMatchObject({ Architecture: config.architecture, Os: 'linux', Env: config.config!.Env });
      expect(seen.Labels).toEqual(config.config!.Labels);
      const copy = at('copy');
      run('skopeo', ['copy', source, `oci:${copy}:a`]);
      const [copied] = JSON.parse(readFileSync(join(copy, 'index.json'), 'utf8')).manifests;
      // A layout of its own it compresses.
      if (keepsBytes && type !== 'uncompressed') expect(copied.digest).toBe(manifest.digest);
      const { config: described } = blobOf<Manifest>(copy, copied.digest);
      const theirs = blobOf<ImageConfig>(copy, described.digest);
      expect(theirs.rootfs).toEqual(config.rootfs);
      expect(runtime(theirs.config as never)).toEqual(runtime(config.config as never));
      rmSync(copy, { recursive: true });
    }
  });

  it('are unpacked by umoci as they are', async (ctx) => {
    if (!works('umoci', '--version')) ctx.skip('umoci is not installed');
    if (type === 'zstd') ctx.skip('umoci reads no zstd');
    const bundle = at(`bundle-${type}`);
    run('umoci', ['unpack', '--image', `${at(`oci-${type}`)}:docker.io/library/${NAME}`, bundle]);
    const { '': _, ...seen } = await factsOfFolder(join(bundle, 'rootfs'));
    expect(seen).toEqual(files);
    const { process } = JSON.parse(readFileSync(join(bundle, 'config.json'), 'utf8'));
    expect(process.user).toMatchObject({ uid: 1000, gid: 1000 });
    expect(process.args).toEqual(['/bin/sh', '-c', 'id -u; cat keep']);
    rmSync(bundle, { recursive: true });
  });

  it('are read by jettison elsewhere', async (ctx) => {
    const home = at(`elsewhere-${type}`);
    const elsewhere = (...args: string[]) => builds.run(args, { env: { JETTISON_HOME: home } });
    for (const file of [`oci-${type}.tar`, `docker-${type}.tar`]) {
      expect(await elsewhere('load', '-i', at(file))).toMatchObject({ code: 0 });
      expect(await elsewhere('run', '--rm', NAME)).toMatchObject({ code: 0, out: '1000\nkeep\n' });
      expect(await elsewhere('prune', '-af')).toMatchObject({ code: 0 });
    }
    if (registry === undefined) ctx.skip('docker-registry is not installed');
    expect(await elsewhere('pull', '-q', pushed(type))).toMatchObject({ code: 0 });
    expect(await elsewhere('run', '--rm', pushed(type))).toMatchObject({ code: 0, out: '1000\nkeep\n' });
    writeFileSync(at('From'), `FROM ${pushed(type)}\nUSER 0\nRUN ["sh", "-c", "echo more >/w/more"]\n`);
    const tar = at('more.tar');
    const built = await elsewhere('build', '-f', at('From'), '-o', `type=tar,dest=${tar}`, builds.context);
    expect(built.code, built.err).toBe(0);
    const {
      'w/more': more,
      w: _,
      ...seen
    } = await factsOfTar(createReadStream(tar) as AsyncIterable<Buffer>);
    expect(more).toMatchObject({ size: 5 });
    const { w: __, ...expected } = files;
    expect(seen).toEqual(expected);
    const store = openStore({ home });
    expect((await verifyStore(store)).problems).toEqual([]);
    store.close();
  });

  describe.each(DOCKERS)('docker %s', (engine) => {
    const docker = dockerArguments(engine);

    it('loads, pulls and runs them', async (ctx) => {
      if (!works('docker', ...docker, 'version')) ctx.skip('no Docker engine answers');
      const version = run('docker', [...docker, 'version', '-f', '{{.Server.Version}}']).trim();
      if (type === 'zstd' && Number.parseInt(version, 10) < 23) ctx.skip(`Docker ${version} reads no zstd`);
      try {
        run('docker', [...docker, 'load', '-i', at(`docker-${type}.tar`)]);
        await expectInEngine('docker', docker, NAME, true);
        if (registry === undefined) return;
        run('docker', [...docker, 'pull', '-q', pushed(type)]);
        await expectInEngine('docker', docker, pushed(type), true);
      } finally {
        spawnSync('docker', [...docker, 'rmi', '-f', NAME, pushed(type)]);
      }
    });
  });

  it('are loaded, pulled and run by podman', async (ctx) => {
    if (typeof podman === 'string') ctx.skip(podman);
    const { args } = podman as Podman;
    const sources = [`oci-archive:${at(`oci-${type}.tar`)}`, `docker-archive:${at(`docker-${type}.tar`)}`];
    for (const source of sources) {
      run('podman', [...args, 'pull', '-q', source]);
      await expectInEngine('podman', args, NAME, source.startsWith('docker'));
      run('podman', [...args, 'rmi', '-af']);
    }
    run('podman', [...args, 'load', '-q', '-i', at(`docker-${type}.tar`)]);
    await expectInEngine('podman', args, NAME, false);
    run('podman', [...args, 'rmi', '-af']);
    if (registry === undefined) return;
    run('podman', [...args, 'pull', '-q', '--tls-verify=false', pushed(type)]);
    await expectInEngine('podman', args, pushed(type), false);
    run('podman', [...args, 'rmi', '-af']);
  });
});

/** The image is in an engine with its id, its config and its files, and runs. */
async function expectInEngine(
  program: string,
  args: string[],
  name: string,
  healthcheck: boolean,
): Promise<void> {
  const [seen] = JSON.parse(run(program, [...args, 'image', 'inspect', name]));
  expect(seen.Id.replace(/^sha256:/, '')).toBe(imageId.slice('sha256:'.length));
  expect(seen.RootFS.Layers).toEqual(config.rootfs.diff_ids);
  expect(runtime(seen.Config)).toEqual(runtime(config.config as never));
  if (healthcheck)
    expect(seen.Config.Healthcheck ?? seen.Healthcheck).toMatchObject(config.config!.Healthcheck!);
  const limits = program === 'podman' ? Podman.LIMITS : [];
  const out = run(program, [...args, 'run', '--rm', '--network', 'none', ...limits, name]);
  expect(out).toBe('1000\nkeep\n');
  const expected = withoutMounts(files);
  if (program === 'podman') {
    const folder = run(program, [...args, 'image', 'mount', name]).trim();
    expect(withoutMounts(await factsOfFolder(folder))).toEqual(expected);
    run(program, [...args, 'image', 'unmount', name]);
    return;
  }
  const container = run(program, [...args, 'create', '--network', 'none', name]).trim();
  try {
    expect(withoutMounts(await factsOfOutput(program, [...args, 'export', container]))).toEqual(expected);
  } finally {
    run(program, [...args, 'rm', '-v', container]);
  }
}

function blobOf<T>(layout: string, digest: string): T {
  return JSON.parse(
    readFileSync(join(layout, 'blobs', 'sha256', digest.slice('sha256:'.length)), 'utf8'),
  ) as T;
}
