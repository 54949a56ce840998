import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Manifest } from '../../src/image/types.ts';
import { exportAttested, type ProvenancePredicate, type Stored, storedImage } from '../support/attested.ts';
import { type Built, TestBuilds } from '../support/build.ts';
import { FakeRegistry } from '../support/registry.ts';
import { whyNoSandbox } from '../support/sandbox.ts';
import { tempDir } from '../support/temp-dir.ts';
import { commitAll, git, hasGit, Web } from '../support/web.ts';

const SBOM = 'https://spdx.dev/Document';
const PROVENANCE = 'https://slsa.dev/provenance/v1';
const DOCKERFILE = 'FROM scratch AS first\nARG COLOUR\nCOPY a /a\nFROM scratch\nCOPY --from=first /a /b\n';
const BOTH = { attest: { sbom: true, provenance: {} }, env: { SOURCE_DATE_EPOCH: '1700000000' } } as const;

let builds: TestBuilds;
beforeAll(async () => {
  builds = await TestBuilds.create();
  builds.write({ a: 'one' });
});
afterAll(() => builds.remove());

const stored = (digest: string): Stored => storedImage(builds.store, digest);
const provenanceIn = (digest: string) =>
  stored(digest).statements[PROVENANCE]!.predicate as ProvenancePredicate;

describe('build with attestations', () => {
  test('stores an index of the image and an artifact with its statements', async () => {
    const plain = await builds.build(DOCKERFILE, { env: BOTH.env });
    const built = await builds.build(DOCKERFILE, { ...BOTH, tags: ['app', 'app:2'] });
    const { index, image, attached, statements } = stored(built.digest);
    expect(plain.manifest.mediaType).toBe('application/vnd.oci.image.manifest.v1+json');
    expect(image.digest).toBe(plain.digest);
    expect(index.manifests).toEqual([
      { ...plain.manifest, platform: { os: 'linux', architecture: image.platform!.architecture } },
      {
        ...{ mediaType: image.mediaType, digest: attached.digest, size: attached.size },
        platform: { os: 'unknown', architecture: 'unknown' },
        annotations: {
          'vnd.docker.reference.digest': plain.digest,
          'vnd.docker.reference.type': 'attestation-manifest',
        },
      },
    ]);
    expect(attached.manifest).toMatchObject({
      artifactType: 'application/vnd.docker.attestation.manifest.v1+json',
      config: { mediaType: 'application/vnd.oci.empty.v1+json', size: 2, data: 'e30=' },
      subject: plain.manifest,
    });
    expect(attached.manifest.layers).toMatchObject([
      { mediaType: 'application/vnd.in-toto+json', annotations: { 'in-toto.io/predicate-type': SBOM } },
      { mediaType: 'application/vnd.in-toto+json', annotations: { 'in-toto.io/predicate-type': PROVENANCE } },
    ]);
    const platform = `linux%2F${image.platform!.architecture}`;
    for (const { _type, subject } of Object.values(statements)) {
      expect(_type).toBe('https://in-toto.io/Statement/v1');
      expect(subject).toEqual(
        ['latest', '2'].map((tag) => ({
          name: `pkg:docker/app@${tag}?platform=${platform}`,
          digest: { sha256: plain.digest.slice('sha256:'.length) },
        })),
      );
    }
    expect(statements[SBOM]!.predicate).toMatchObject({ spdxVersion: 'SPDX-2.3', name: 'app:latest' });
  });

  test('gives the same bytes twice with SOURCE_DATE_EPOCH', async () => {
    const first = await builds.build(DOCKERFILE, BOTH);
    const again = await builds.build(DOCKERFILE, { ...BOTH, noCache: true });
    expect(again.digest).toBe(first.digest);
    const { metadata } = provenanceIn(first.digest).runDetails;
    expect(metadata).toMatchObject({ startedOn: '2023-11-14T22:13:20Z', finishedOn: '2023-11-14T22:13:20Z' });
  });

  test('oci-artifact=false gives a manifest that looks like an image', async () => {
    const { digest } = await builds.build(DOCKERFILE, {
      ...BOTH,
      outputs: [{ type: 'image', form: { ociArtifact: false } }],
    });
    const { attached } = stored(digest);
    expect(attached.manifest).not.toHaveProperty('subject');
    expect(attached.manifest).not.toHaveProperty('artifactType');
    expect(builds.store.blobs.readJson(attached.manifest.config.digest)).toEqual({
      ...{ os: 'unknown', architecture: 'unknown', config: {} },
      rootfs: { type: 'layers', diff_ids: attached.manifest.layers.map((layer) => layer.digest) },
    });
  });

  test('an index of two platforms has an attestation for each', async () => {
    const { digest } = await builds.build('FROM scratch\nCOPY a /a\n', {
      ...BOTH,
      platforms: ['linux/amd64', 'linux/arm64'],
    });
    const { index } = stored(digest);
    const [amd64, arm64, first, second] = index.manifests;
    expect([amd64, arm64].map((one) => one?.platform?.architecture)).toEqual(['amd64', 'arm64']);
    const references = [first, second].map((one) => one?.annotations?.['vnd.docker.reference.digest']);
    expect(references).toEqual([amd64!.digest, arm64!.digest]);
  });

  test('is refused where every output is files, and made beside them', async () => {
    const local = { type: 'local' as const, path: join(builds.folder, 'files') };
    const refused = await builds.failure(DOCKERFILE, { ...BOTH, outputs: [local] });
    expect(refused).toMatchObject({ code: 'OUTPUT_INVALID', exitCode: 2 });
    const { digest } = await builds.build(DOCKERFILE, { ...BOTH, outputs: [local, { type: 'image' }] });
    expect(Object.keys(stored(digest).statements)).toEqual([SBOM, PROVENANCE]);
  });

  test('an SBOM that BuildKit would make of more than the image comes with a warning', async () => {
    const { events } = await builds.build('FROM scratch\nARG BUILDKIT_SBOM_SCAN_STAGE=true\nCOPY a /a\n', {
      attest: { sbom: true },
    });
    const codes = events.flatMap((event) => (event.type === 'warning' ? [event.code] : []));
    expect(codes).toContain('SBOM_SCAN_ARGS');
  });
});

describe('provenance', () => {
  const provenanceOf = async (dockerfile: string, options: Parameters<TestBuilds['build']>[1] = {}) => {
    const { digest } = await builds.build(dockerfile, { attest: { provenance: {} }, ...options });
    return provenanceIn(digest);
  };

  test('says what was asked for, the Dockerfile, the steps and their layers', async () => {
    const { buildDefinition, runDetails } = await provenanceOf(DOCKERFILE, {
      buildArgs: { COLOUR: 'red' },
      labels: { team: 'x' },
    });
    expect(buildDefinition.externalParameters.request).toMatchObject({
      frontend: 'dockerfile.v0',
      args: { 'build-arg:COLOUR': 'red', 'label:team': 'x' },
      locals: [{ name: 'context' }, { name: 'dockerfile' }],
    });
    const { steps } = buildDefinition.internalParameters.buildConfig;
    const digest = expect.stringMatching(/^sha256:[0-9a-f]{64}$/);
    expect(steps).toMatchObject([
      { instruction: 'COPY a /a', inputs: ['context'], key: digest, observations: digest },
      { instruction: 'COPY --from=first /a /b', inputs: ['first/1'], key: digest, observations: digest },
    ]);
    const { jettison_metadata: metadata, jettison_completeness: completeness } = runDetails.metadata;
    expect(Buffer.from(metadata.source.infos[0]!.data, 'base64').toString()).toBe(DOCKERFILE);
    expect(Object.keys(metadata.layers)).toEqual([steps[1]!.id]);
    expect(completeness).toEqual({ request: true, resolvedDependencies: false });
    expect(runDetails.metadata.jettison_hermetic).toBe(true);
    expect(runDetails.metadata).not.toHaveProperty('jettison_reproducible');
  });

  test('mode=min has neither arguments nor steps nor the Dockerfile', async () => {
    const made = await provenanceOf(DOCKERFILE, {
      attest: { provenance: { mode: 'min', builderId: 'https://ci/1' } },
      buildArgs: { COLOUR: 'red' },
    });
    expect(JSON.stringify(made)).not.toMatch(/COLOUR|COPY|buildConfig|source/);
    expect(made.runDetails.builder.id).toBe('https://ci/1');
    expect(made.runDetails.metadata.jettison_completeness.request).toBe(false);
  });

  test('has no values that are or look like secrets', async () => {
    const token = `npm_${'aB3dE5gH7jK9mN1pQ3sT5vW7yZ2bC4'}xyz12`;
    const made = await provenanceOf(`FROM scratch\nARG OTHER=${token}\nARG NPM_TOKEN\nCOPY a /$NPM_TOKEN\n`, {
      buildArgs: {
        NPM_TOKEN: 'hunter22',
        OTHER: token,
        COPIED: 'x-s3cr3t-y',
        URL: 'https://me:pw-9@h.example/',
      },
      secrets: { file: { value: 's3cr3t' } },
    });
    const { request } = made.buildDefinition.externalParameters;
    expect(request.withheld).toEqual([
      'build-arg:COPIED',
      'build-arg:NPM_TOKEN',
      'build-arg:OTHER',
      'build-arg:URL',
    ]);
    const source = made.runDetails.metadata.jettison_metadata.source.infos[0]!.data;
    const whole = JSON.stringify(made) + Buffer.from(source, 'base64').toString();
    for (const secret of ['hunter22', token, 's3cr3t', 'pw-9']) expect(whole).not.toContain(secret);
    expect(made.runDetails.metadata.jettison_completeness.request).toBe(false);
  });

  test('has the ids of secrets, and whether a RUN could reach a network', async (ctx) => {
    const why = whyNoSandbox();
    if (why !== undefined) ctx.skip(why);
    await builds.addBase('base');
    const mounts = '--mount=type=secret,id=b --mount=type=secret,id=a,required';
    const options = { secrets: { a: { value: 's3cr3t' } } };
    const alone = await provenanceOf(`FROM base\nRUN --network=none ${mounts} true\n`, options);
    expect(alone.buildDefinition.externalParameters.request).toMatchObject({
      secrets: [
        { id: 'a', optional: false },
        { id: 'b', optional: true },
      ],
    });
    expect(alone.runDetails.metadata.jettison_hermetic).toBe(true);
    expect(alone.buildDefinition.resolvedDependencies).toHaveLength(1);
    const open = await provenanceOf(`FROM base\nRUN --network=host ${mounts} true\n`, {
      ...options,
      allowHostNetwork: true,
    });
    expect(open.runDetails.metadata.jettison_hermetic).toBe(false);
  });

  test('has the repository and commit of a local context', async () => {
    const context = tempDir();
    const run = (...args: string[]) =>
      execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b.c', ...args], { cwd: context });
    writeFileSync(join(context, 'a'), 'x');
    run('init', '-q');
    run('remote', 'add', 'origin', 'https://me:token@h.example/r.git');
    run('add', '.');
    run('commit', '-qm', 'first');
    const commit = run('rev-parse', 'HEAD').toString().trim();
    const vcs = async () => (await provenanceOf('FROM scratch\nCOPY a /\n', { context })).runDetails.metadata;
    expect((await vcs()).jettison_metadata.vcs).toEqual({
      source: 'https://h.example/r.git',
      revision: commit,
    });
    writeFileSync(join(context, 'a'), 'y');
    expect((await vcs()).jettison_metadata.vcs.revision).toBe(`${commit}-dirty`);
  });

  test('has the digests of what ADD downloads, and of a context that is a repository', async (ctx) => {
    if (!hasGit) ctx.skip('git is not installed');
    const work = join(builds.folder, 'work');
    mkdirSync(work);
    writeFileSync(join(work, 'a'), 'x');
    commitAll(work);
    git(builds.folder, 'clone', '-q', '--bare', 'work', 'repositories/app.git');
    const sha1 = git(work, 'rev-parse', 'HEAD').trim();
    const web = await Web.start(join(builds.folder, 'repositories'));
    try {
      web.pages.set('/f?token=t0k3n', { body: 'downloaded' });
      const repository = `${web.url}/git/app.git`;
      const add = `FROM scratch\nADD ${web.url}/f?token=t0k3n /f\nADD ${repository}#main /g\nCOPY a /\n`;
      const made = await provenanceOf(add, { context: `${repository}#main` });
      const { externalParameters, resolvedDependencies } = made.buildDefinition;
      const source = { uri: `${repository}#main`, digest: { sha1 } };
      expect(externalParameters.configSource).toMatchObject(source);
      expect(externalParameters.request).not.toHaveProperty('locals');
      expect(resolvedDependencies).toEqual([
        { name: 'context', ...source },
        {
          uri: `${web.url}/f?token=xxxxx`,
          digest: { sha256: createHash('sha256').update('downloaded').digest('hex') },
        },
        source,
      ]);
      const { jettison_completeness: completeness } = made.runDetails.metadata;
      expect(completeness).toEqual({ request: true, resolvedDependencies: true });
    } finally {
      await web.close();
    }
  });

  test('has the digests of bases', async () => {
    const registry = await FakeRegistry.start();
    try {
      await exportAttested(builds, registry, 'base:1');
      const { host } = registry;
      const made = await provenanceOf(`FROM ${host}/base:1\nCOPY a /c\n`, { registryInsecure: true });
      const { resolvedDependencies } = made.buildDefinition;
      const index = builds.store.images.get(`${host}/base:1`)!.manifest.digest;
      expect(resolvedDependencies).toEqual([
        {
          uri: expect.stringMatching(`^pkg:docker/${host}/base@1\\?platform=linux%2F`),
          digest: { sha256: index.slice('sha256:'.length) },
        },
      ]);
    } finally {
      await registry.close();
    }
  });
});

describe('jettison attest', () => {
  let app: Built;
  beforeAll(async () => {
    app = await builds.build(DOCKERFILE, { tags: ['shown'], ...BOTH });
  });

  test('lists and shows attestations', async () => {
    const { out } = await builds.command(['attest', 'shown']);
    expect(out.split('\n')[0]).toMatch(/^PLATFORM +TYPE +SIZE +DIGEST$/);
    expect(out).toMatch(new RegExp(`${SBOM} .*\n.*${PROVENANCE} `));
    const shown = await builds.command(['attest', '--show', 'provenance', 'shown']);
    expect(JSON.parse(shown.out)).toEqual(provenanceIn(app.digest));
    const text = await builds.command(['attest', '--format', '{{.SBOM.SPDX.name}} {{.Name}}', 'shown']);
    expect(text.out).toBe('shown:latest shown:latest\n');
    const none = await builds.command(['attest', '--show', 'https://x.example/y', 'shown']);
    expect(none).toMatchObject({ code: 1 });
    expect(none.err).toContain('has no attestation of the type https://x.example/y');
    expect(none.err).toContain(`It has ${SBOM}`);
  });

  test('adds an SBOM and a predicate to an image without attestations, and replaces only their types', async () => {
    const { digest } = await builds.build(DOCKERFILE, { tags: ['added', 'added:2'], env: BOTH.env });
    writeFileSync(join(builds.folder, 'vex.json'), '{"a":1}');
    const vex = ['--predicate', 'vex.json', '--type', 'https://openvex.dev/ns/v0.2.0'];
    const first = await builds.command(['attest', '--sbom', ...vex, 'added']);
    expect(first).toMatchObject({ code: 0 });
    writeFileSync(join(builds.folder, 'vex.json'), '{"a":2}');
    const { out } = await builds.command(['attest', ...vex, 'added']);
    const { image, statements, index } = stored(out.trim());
    expect(image.digest).toBe(digest);
    expect(index.manifests).toHaveLength(2);
    expect(Object.keys(statements).sort()).toEqual(['https://openvex.dev/ns/v0.2.0', SBOM]);
    expect(statements['https://openvex.dev/ns/v0.2.0']!.predicate).toEqual({ a: 2 });
    for (const name of ['added:latest', 'added:2'])
      expect(builds.store.images.get(`docker.io/library/${name}`)?.manifest.digest).toBe(out.trim());
    const again = await builds.command(['attest', ...vex, 'added']);
    expect(again.out).toBe(out);
  });

  test.each([
    [['--predicate', 'x', 'shown'], '--predicate and --type go together'],
    [['--predicate', 'missing', '--type', 'https://x.example', 'shown'], 'missing does not exist'],
    [['--predicate', 'list.json', '--type', 'https://x.example', 'shown'], 'is not a JSON object'],
    [['--predicate', 'list.json', '--type', 'vex', 'shown'], 'invalid type "vex"'],
    [['--sbom', '--show', 'sbom', 'shown'], '--sbom and --predicate add, and do not show'],
    [['--show', 'sbom', '--format', 'json', 'shown'], '--show and --format contradict each other'],
    [['--platform', 'linux/s390x', 'shown'], 'has no attestation for linux/s390x'],
  ])('%j is refused', async (args, message) => {
    writeFileSync(join(builds.folder, 'list.json'), '[1]');
    const { code, err } = await builds.command(['attest', ...args]);
    expect(code).not.toBe(0);
    expect(err).toContain(message);
  });
});

describe('attestations travel', () => {
  test('in an archive, in a layout, and through a registry', async () => {
    const registry = await FakeRegistry.start();
    try {
      const name = `${registry.host}/team/app:1`;
      const { digest } = await builds.build(DOCKERFILE, { tags: [name], ...BOTH });
      const archive = join(builds.folder, 'app.tar');
      expect(await builds.command(['save', '-o', archive, name])).toMatchObject({ code: 0 });
      const layout = join(builds.folder, 'layout');
      const oci = { type: 'layout' as const, path: layout };
      await builds.build(DOCKERFILE, { tags: [name], ...BOTH, outputs: [oci] });
      expect(JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')).manifests[0].digest).toBe(digest);
      expect(readdirSync(join(layout, 'blobs/sha256')).length).toBe(8);
      const push = await builds.command(['push', '--registry-insecure', name]);
      expect(push.out).toContain(`digest: ${digest}`);

      const { out: here } = await builds.command(['attest', name]);
      for (const [what, args] of [
        ['load', ['load', '-i', archive]],
        ['pull', ['pull', '--registry-insecure', name]],
      ] as const) {
        const home = join(builds.folder, `store-${what}`);
        expect(await builds.command([...args], { home }), what).toMatchObject({ code: 0 });
        expect((await builds.command(['prune', '-f'], { home })).code).toBe(0);
        expect((await builds.command(['attest', name], { home })).out, what).toBe(here);
        expect((await builds.command(['doctor', '--store'], { home })).out).toContain('nothing is wrong');
        const back = await builds.command(['push', '--registry-insecure', name], { home });
        expect(back.out, what).toContain(`digest: ${digest}`);
      }
      const remote = await builds.command(['attest', '--remote', '--registry-insecure', name]);
      expect(remote.out).toBe(here);
      const packed = `${archive}.gz`;
      writeFileSync(packed, gzipSync(readFileSync(archive)));
      for (const text of [`oci:${layout}`, `oci-archive:${archive}`, `docker-archive:${packed}`]) {
        const { out, err } = await builds.command(['attest', text]);
        expect({ text, out, err }).toEqual({ text, out: here, err: '' });
      }
    } finally {
      await registry.close();
    }
  });

  test('names that look like places are names of the store, if it has them', async () => {
    await builds.build(DOCKERFILE, { tags: ['oci:1', 'docker:2'], ...BOTH });
    for (const name of ['oci:1', 'docker:2']) {
      const { out, err } = await builds.command(['attest', name]);
      expect({ err, out }).toEqual({
        err: '',
        out: expect.stringContaining('https://slsa.dev/provenance/v1'),
      });
    }
  });

  test.each([
    ['dir:.', 2, /dir:\. has no attestations/],
    ['docker://x', 2, /docker:\/\/x has no attestations/],
    ['docker-archive:', 2, /invalid image name "docker-archive:"/],
    ['docker-archive:absent.tar', 1, /absent\.tar does not exist/],
    ['127.0.0.1:1/x', 1, /the store has no image "127\.0\.0\.1:1\/x", and /],
  ])('%s: exit code %i, and the error says why', async (name, code, message) => {
    const { code: got, err } = await builds.command(['attest', name]);
    expect({ code: got, err }).toEqual({ code, err: expect.stringMatching(message) });
  });

  test('prune deletes them with their image', async () => {
    const own = await TestBuilds.create();
    try {
      own.write({ a: 'x' });
      await own.build('FROM scratch\nCOPY a /\n', { tags: ['app'], ...BOTH });
      await own.command(['rmi', 'app']);
      await own.command(['prune', '-f', '--all']);
      expect(readdirSync(own.store.layout.blobs)).toEqual([]);
    } finally {
      own.remove();
    }
  });

  test('a build from an image with attestations chooses the image', async () => {
    const registry = await FakeRegistry.start();
    const own = await TestBuilds.create();
    try {
      const index = await exportAttested(builds, registry, 'only:1');
      const base = stored(index).image;
      const { layers } = builds.store.blobs.readJson<Manifest>(base.digest);
      const from = `FROM ${registry.host}/only:1\nCOPY --from=${registry.host}/only:1 /own /copied\n`;
      const { blobs } = await own.build(from, { registryInsecure: true });
      expect(blobs.slice(0, 1)).toEqual(layers.map(({ digest }) => digest));
      const missing = await own.failure(from, { registryInsecure: true, platform: 'linux/s390x' });
      expect(missing.hint).toMatch(/It has images for linux\/\w+:/);
      expect(missing.hint).not.toContain('unknown');
    } finally {
      own.remove();
      await registry.close();
    }
  });
});

describe('--metadata-file', () => {
  const metadata = async (env: Record<string, string>, ...flags: string[]) => {
    const file = join(builds.folder, 'metadata.json');
    const { code, err } = await builds.command(
      ['build', ...flags, '--metadata-file', file, '-f', '-', builds.context],
      { env, stdin: DOCKERFILE },
    );
    expect(code, err).toBe(0);
    return JSON.parse(readFileSync(file, 'utf8'));
  };

  test('has the provenance as buildx writes it', async () => {
    const min = await metadata({}, '--provenance');
    expect(min['containerimage.descriptor'].mediaType).toBe('application/vnd.oci.image.index.v1+json');
    const { buildDefinition } = min['buildx.build.provenance'];
    expect(buildDefinition.internalParameters).not.toHaveProperty('buildConfig');
    const max = await metadata({ BUILDX_METADATA_PROVENANCE: 'max' }, '--provenance=mode=max');
    expect(max['buildx.build.provenance'].buildDefinition.internalParameters).toHaveProperty('buildConfig');
    const none = await metadata({ BUILDX_METADATA_PROVENANCE: 'disabled' }, '--provenance');
    expect(none).not.toHaveProperty('buildx.build.provenance');
    const two = await metadata({}, '--provenance', '--platform=linux/amd64,linux/arm64');
    expect(Object.keys(two)).toEqual(
      expect.arrayContaining(['buildx.build.provenance/linux/amd64', 'buildx.build.provenance/linux/arm64']),
    );
    expect(await metadata({})).not.toHaveProperty('buildx.build.provenance');
  });
});
