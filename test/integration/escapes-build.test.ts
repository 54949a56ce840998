import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../src/image/digest.ts';
import { contentDigest, LayerIndex } from '../../src/layer/layer-index.ts';
import { TestCommand } from '../support/command.ts';
import { holding } from '../support/holding.ts';
import { makeTar } from '../support/images.ts';
import { tempDir } from '../support/temp-dir.ts';
import { sample, TEST_USERS } from '../support/thorough.ts';

const MARKER = 'marker of what is outside 77c0';

describe.each(TEST_USERS)('nothing outside is read or written, as %s', (user) => {
  let jettison: TestCommand;
  let outside: string;
  let why: string | undefined;

  beforeAll(async () => {
    const opened = await TestCommand.open(user);
    if (typeof opened === 'string') why = opened;
    else jettison = opened;
  });
  afterAll(() => jettison?.remove());
  beforeEach((ctx) => {
    if (why !== undefined) ctx.skip(why);
    // For everybody to write to: nothing but Jettison's own care keeps it as it is.
    outside = tempDir();
    for (const name of ['dir', 'dir/dir', 'dir/work']) mkdirSync(join(outside, name));
    for (const name of ['file', 'dir/inner']) writeFileSync(join(outside, name), MARKER);
    writeFileSync(join(outside, 'dir/cache.json'), '{"id":"x"}');
    jettison.chmod(outside);
    before = look();
  });
  afterEach(() => {
    if (why !== undefined) return;
    expect(look()).toEqual(before);
    expect(holding(jettison.home, [MARKER])).toEqual([]);
  });

  let before: string[];
  const look = () =>
    ['.', ...(readdirSync(outside, { recursive: true }) as string[])].sort().map((name) => {
      const { mode, uid, gid, size, mtimeMs, nlink } = lstatSync(join(outside, name));
      return [name, mode, uid, gid, size, mtimeMs, nlink].join(' ');
    });
  /** It works, or is refused in words. */
  const build = async (dockerfile: string, ...args: string[]) => {
    const ended = await jettison.build(dockerfile, ...args);
    expect(ended.err).not.toMatch(/^\s+at .*:\d+:\d+\)?$/m);
    expect([0, 1]).toContain(ended.code);
    return ended;
  };

  const LINKS: [string, (to: string) => string][] = [
    ['an absolute link', (to) => to],
    ['a link that climbs', (to) => `../../../../../../../../../..${to}`],
    ['/proc/self/root', (to) => `/proc/self/root${to}`],
    ['/proc/1/root', (to) => `/proc/1/root${to}`],
  ];

  it.each(sample(user === 'root' ? LINKS : LINKS.slice(0, 3), 1))(
    'by a directory that a RUN replaces by %s',
    async (_, link) => {
      jettison.write({
        file: 'mine\n',
        secret: 'secret\n',
        'archive.tar': makeTar([['in/archive', 'mine']]),
      });
      const replaced = `FROM base AS replaced
RUN mkdir /d && echo x > /d/f
RUN rm -rf /d && ln -s ${link(outside)} /d
`;
      const steps = [
        'COPY file /d/copied',
        'COPY --link file /d/linked',
        'ADD archive.tar /d/added/',
        'COPY <<EOF /d/here\nmine\nEOF',
        'WORKDIR /d/work\nRUN touch made; cat ../file || true',
        'VOLUME /d/volume\nRUN touch /d/volume/x || true',
        'RUN touch /d/touched; cat /d/file /d/dir/inner || true',
        'RUN --mount=type=cache,target=/d/cache touch /d/cache/x',
        'RUN --mount=type=bind,target=/d/dir,rw touch /d/dir/x; cat /d/file || true',
        'RUN --mount=type=tmpfs,target=/d/dir touch /d/dir/x',
        'RUN --mount=type=secret,id=s,target=/d/secret cat /d/secret',
        'RUN --mount=type=bind,from=replaced,source=/d/dir,target=/m cat /m/inner || true',
        'RUN --mount=type=cache,from=replaced,source=/d/dir,target=/m cat /m/inner || true',
        'FROM base\nCOPY --from=replaced /d/file /d/dir/ /got/',
        'FROM base\nCOPY --from=replaced /d /got\nRUN cat /got/file || true',
      ];
      // What lies in /proc, or is in no image, is refused, each step by itself; everything else can be one build.
      const alone = link('/').startsWith('/proc') ? 0 : steps.length - 4;
      const parts = [...(alone === 0 ? [] : [steps.slice(0, alone).join('\n')]), ...steps.slice(alone)];
      for (const part of parts) {
        const { code, out, err } = await build(
          `${replaced}${part}\n`,
          '--secret',
          `id=s,src=${jettison.context}/secret`,
        );
        if (alone > 0 && part === parts[0]) expect({ code, err }).toMatchObject({ code: 0 });
        expect(out).not.toContain(MARKER);
        expect(look()).toEqual(before);
      }
    },
  );

  it('by names and links of a context', async () => {
    for (const [name, link] of [
      ['abs', outside],
      ['up', `../../../../../..${outside}`],
      ['proc', `/proc/self/root${outside}`],
      ['tofile', join(outside, 'file')],
    ] as const) {
      rmSync(join(jettison.context, name), { force: true });
      symlinkSync(link, join(jettison.context, name));
    }
    jettison.write({
      '.dockerignore': `*\n!abs\n!up\n!proc\n!tofile\n!..\n!../**\n!${outside}\n!x/../../**\n`,
    });
    for (const source of [
      'abs/file',
      'up/dir',
      'proc/file',
      'abs/d*',
      `../../../../../..${outside}/file`,
      `${outside}/file`,
    ]) {
      expect(await build(`FROM scratch\nCOPY ${source} /x/\n`), source).toMatchObject({ code: 1 });
      expect(
        await build(`FROM base\nRUN --mount=type=bind,source=${source},target=/x cat /x\n`),
        source,
      ).toMatchObject({ code: 1 });
    }
    expect(await build('FROM scratch\nCOPY . /x/\n')).toMatchObject({
      code: 0,
    });
    rmSync(join(jettison.context, '.dockerignore'));
  });

  it('by links in the folder of an output', async () => {
    jettison.write({ 'tree/dir/inner': 'mine', 'tree/file': 'mine' });
    const out = join(jettison.folder, `out-${Date.now()}`);
    mkdirSync(out);
    jettison.chmod(out);
    symlinkSync(join(outside, 'dir'), join(out, 'dir'));
    symlinkSync(join(outside, 'file'), join(out, 'file'));
    expect(await build('FROM scratch\nCOPY tree /\n', '-o', out)).toMatchObject({ code: 0 });
    expect(readFileSync(join(out, 'dir/inner'), 'utf8')).toBe('mine');
    expect(lstatSync(join(out, 'dir')).isDirectory()).toBe(true);
  });

  it('by archives of cache mounts', async () => {
    const name = 'a'.repeat(32);
    const record = JSON.stringify({ id: 'x', uid: 0, gid: 0, mode: 0o755, created: '2020-01-01T00:00:00Z' });
    const link = (path: string, to: string): [{ path: string; type: 'symlink'; link: string }] => [
      { path, type: 'symlink', link: to },
    ];
    const archives = {
      'the cache is a link': makeTar([link(name, join(outside, 'dir'))]),
      'its directory is a link': makeTar([
        [`${name}/cache.json`, record],
        link(`${name}/dir`, join(outside, 'dir')),
      ]),
      'its record is a link': makeTar([
        link(`${name}/cache.json`, join(outside, 'dir/cache.json')),
        [{ path: `${name}/dir`, type: 'directory' }],
      ]),
      'a name that climbs': makeTar([[`../../cache-mounts/${name}/cache.json`, record]]),
    };
    for (const [what, tar] of Object.entries(archives)) {
      jettison.write({ 'caches.tar': tar });
      const ended = await jettison.run(['cache-mounts', 'import', join(jettison.context, 'caches.tar')]);
      expect(ended, what).toMatchObject({ code: 1, err: expect.stringMatching(/^error: /) });
      expect(ended.err).not.toContain('    at ');
    }
    const caches = join(jettison.home, 'cache-mounts');
    expect(existsSync(caches) ? readdirSync(caches) : []).not.toContain(name);
  });

  it('by digests in an archive of images that are no digests', async () => {
    const hostile = `sha256:../../../../../../../..${outside}/file`;
    const descriptor = (digest: unknown, mediaType: string) => ({ mediaType, digest, size: MARKER.length });
    const manifest = (config: unknown, layer: unknown) =>
      JSON.stringify({
        schemaVersion: 2,
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        config: descriptor(config, 'application/vnd.oci.image.config.v1+json'),
        layers: [descriptor(layer, 'application/vnd.oci.image.layer.v1.tar')],
      });
    const config = JSON.stringify({ rootfs: { type: 'layers', diff_ids: [hostile] } });
    for (const [what, text] of Object.entries({
      'of the config': manifest(hostile, sha256(config)),
      'of a layer': manifest(sha256(config), hostile),
      missing: manifest(undefined, 7),
    })) {
      const index = (digest: string) =>
        JSON.stringify({
          schemaVersion: 2,
          manifests: [descriptor(digest, 'application/vnd.oci.image.manifest.v1+json')],
        });
      for (const at of [sha256(text), hostile]) {
        jettison.write({
          'image.tar': makeTar([
            ['oci-layout', '{"imageLayoutVersion":"1.0.0"}'],
            ['index.json', index(at)],
            [`blobs/sha256/${sha256(text).slice(7)}`, text],
            [`blobs/sha256/${sha256(config).slice(7)}`, config],
          ]),
        });
        const ended = await jettison.run(['load', '-i', join(jettison.context, 'image.tar')]);
        expect(ended, what).toMatchObject({ code: 1, err: expect.stringMatching(/^error: /) });
        expect(ended.err).not.toContain('    at ');
      }
    }
  });

  it("by indexes of another machine's cache", async () => {
    jettison.write({ small: 'small' });
    const cache = join(jettison.folder, `cache-${Date.now()}`);
    const dockerfile = (n: string) =>
      `FROM base AS one\nRUN echo ${n} >/made && mkdir /d\nFROM base\nCOPY --from=one /made /d /got/\nRUN cat /got/made\n`;
    for (const [what, change] of Object.entries<(line: Record<string, unknown>) => Record<string, unknown>>({
      'a source on this machine': (line) => {
        if (line['path'] !== 'made') return line;
        const path = join(outside, 'file');
        const bytes = readFileSync(path);
        return {
          ...line,
          size: bytes.length,
          digest: sha256(bytes).slice(7),
          source: { kind: 'host', path },
        };
      },
      'a path that climbs': (line) =>
        line['path'] === 'made' ? { ...line, path: `../../../../../../..${outside}/dir/made` } : line,
      'other content': (line) => ({ ...line, digest: '0'.repeat(64) }),
    })) {
      const text = dockerfile(what.replaceAll(' ', '-'));
      expect(await build(text, '--cache-to', `type=local,dest=${cache},mode=max`)).toMatchObject({ code: 0 });
      tamper(cache, change);
      await jettison.run(['builder', 'prune', '--all', '--force']);
      // Another COPY from the same stage: it has to look into what is there.
      const other = text.replaceAll('/got/', '/other/');
      const { code, err } = await build(other, '--cache-from', `type=local,src=${cache}`);
      // What is not sound counts as missing: the step is carried out here. A false digest is found out before the
      // content reaches a command.
      expect(code, err).toBe(what === 'other content' ? 1 : 0);
      const said = what === 'other content' ? 'is not what was stored' : ` ${what.replaceAll(' ', '-')}\n`;
      expect(err).toContain(said);
      expect(err).not.toContain(MARKER);
      expect(look()).toEqual(before);
      expect(holding(jettison.home, [MARKER])).toEqual([]);
      await jettison.run(['builder', 'prune', '--all', '--force']);
      rmSync(cache, { recursive: true, force: true });
    }
  });
});

/** Changes every line of the indexes in a cache, and all digests on the way to them. */
function tamper(folder: string, change: (line: Record<string, unknown>) => Record<string, unknown>): void {
  const blob = (digest: string) => join(folder, 'blobs', 'sha256', digest.slice(7));
  const put = (bytes: Buffer) => {
    const digest = sha256(bytes);
    writeFileSync(blob(digest), bytes);
    return { digest, size: bytes.length };
  };
  const index = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8'));
  for (const one of index.manifests) {
    const manifest = JSON.parse(readFileSync(blob(one.digest), 'utf8'));
    const config = JSON.parse(readFileSync(blob(manifest.config.digest), 'utf8'));
    for (const step of config.steps) {
      if (step.index === undefined) continue;
      const lines = gunzipSync(readFileSync(blob(step.index.digest)))
        .toString()
        .split('\n')
        .filter(Boolean);
      const bytes = Buffer.from(
        lines.map((line) => `${JSON.stringify(change(JSON.parse(line)))}\n`).join(''),
      );
      Object.assign(step.index, put(gzipSync(bytes)));
      step.layer.indexSize = bytes.length;
      step.layer.content = contentDigest(LayerIndex.parse(bytes).entries());
    }
    Object.assign(manifest.config, put(Buffer.from(JSON.stringify(config))));
    const was = one.digest;
    Object.assign(one, put(Buffer.from(JSON.stringify(manifest))));
    // What counts is each tag's own file.
    for (const name of readdirSync(join(folder, 'refs'))) {
      const path = join(folder, 'refs', name);
      const named = JSON.parse(readFileSync(path, 'utf8'));
      if (named.digest === was)
        writeFileSync(path, JSON.stringify({ ...named, digest: one.digest, size: one.size }));
    }
  }
  writeFileSync(join(folder, 'index.json'), JSON.stringify(index));
}
