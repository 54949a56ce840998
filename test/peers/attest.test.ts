import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Statement } from '../../src/attest/in-toto.ts';
import type { Digest } from '../../src/image/digest.ts';
import type { Index, Manifest } from '../../src/image/types.ts';
import { TestBuilds } from '../support/build.ts';
import { DOCKERS, dockerArguments, run, works } from '../support/peers.ts';
import { HAS_REGISTRY, type RunningRegistry, startRegistry } from '../support/registry-program.ts';

const DOCKERFILE = 'FROM scratch AS first\nARG COLOUR\nCOPY a /a\nFROM first\nCOPY a /b\n';
const [ENGINE = ''] = DOCKERS;
const HAS_BUILDX = works('docker', ...dockerArguments(ENGINE), 'buildx', 'version');
const HAS_SKOPEO = works('skopeo', '--version');

let builds: TestBuilds;
let registry: RunningRegistry;
let name: string;
let digest: string;
beforeAll(async () => {
  if (!HAS_REGISTRY) return;
  builds = await TestBuilds.create();
  registry = await startRegistry(builds.folder);
  builds.write({ a: 'one', Dockerfile: DOCKERFILE });
  name = `127.0.0.1:${registry.port}/team/app:1`;
  const built = await builds.build(DOCKERFILE, {
    ...{ attest: { sbom: true, provenance: {} }, tags: [name], buildArgs: { COLOUR: 'red' } },
    outputs: [{ type: 'image', push: true, insecure: true }],
  });
  digest = built.digest;
});
afterAll(() => {
  registry?.process.kill();
  builds?.remove();
});
beforeEach((ctx) => ctx.skip(!HAS_REGISTRY, 'docker-registry is not installed'));

const stored = <T>(one: string) => builds.store.blobs.readJson<T>(one as Digest);
const buildx = (...args: string[]) => run('docker', [...dockerArguments(ENGINE), 'buildx', ...args]);

describe('attestations of a pushed image', () => {
  it('are read by docker buildx imagetools inspect', (ctx) => {
    ctx.skip(!HAS_BUILDX, 'docker buildx is not installed');
    const inspect = (...args: string[]) => buildx('imagetools', 'inspect', ...args, name);
    const statements = attachedTo(digest);
    expect(inspect()).toContain('vnd.docker.reference.type:   attestation-manifest');
    expect(JSON.parse(inspect('--raw'))).toEqual(stored<Index>(digest));
    const read = (what: string) => JSON.parse(inspect('--format', `{{json .${what}}}`));
    expect(read('Provenance.SLSA')).toEqual(statements['https://slsa.dev/provenance/v1']!.predicate);
    expect(read('SBOM.SPDX')).toEqual(statements['https://spdx.dev/Document']!.predicate);
  });

  it('are copied with the image by skopeo, and read from the copy', async (ctx) => {
    ctx.skip(!HAS_SKOPEO, 'skopeo is not installed');
    const folder = join(builds.folder, 'copied');
    run('skopeo', ['copy', '-q', '--all', '--src-tls-verify=false', `docker://${name}`, `oci:${folder}:1`]);
    const { out, err } = await builds.command(['attest', `oci:${folder}`]);
    expect(out, err).toBe((await builds.command(['attest', name])).out);
  });

  it.for<[boolean, string | undefined]>([
    [true, 'application/vnd.docker.attestation.manifest.v1+json'],
    [false, undefined],
  ])('have the form of BuildKit, with oci-artifact=%s', async ([ociArtifact, artifactType], ctx) => {
    ctx.skip(!HAS_BUILDX, 'docker buildx is not installed');
    const theirs = join(builds.folder, `theirs-${ociArtifact}`);
    const archive = `${theirs}.tar`;
    const flags = [
      '--attest',
      'type=provenance,mode=max,version=v1',
      '--build-arg',
      'COLOUR=red',
      '-t',
      name,
    ];
    const output = `type=oci,oci-artifact=${ociArtifact},dest=${archive}`;
    const build = [...dockerArguments(ENGINE), 'buildx', 'build', ...flags, '-o', output, builds.context];
    ctx.skip(!works('docker', ...build), 'this engine cannot store attestations');
    mkdirSync(theirs);
    run('tar', ['-xf', archive, '-C', theirs]);
    const read = <T>(one: string) =>
      JSON.parse(readFileSync(join(theirs, 'blobs/sha256', one.replace('sha256:', '')), 'utf8')) as T;
    const [entry] = (JSON.parse(readFileSync(join(theirs, 'index.json'), 'utf8')) as Index).manifests;
    const ours = await builds.build(DOCKERFILE, {
      ...{ attest: { provenance: {} }, buildArgs: { COLOUR: 'red' }, tags: [name] },
      outputs: [{ type: 'image', form: { ociArtifact } }],
    });
    const [mine, peer] = [shapeOf(ours.digest, stored), shapeOf(entry!.digest, read)];
    expect(peer.manifest.artifactType).toBe(artifactType);
    expect(mine).toEqual(peer);
  });
});

/** The statements of an image of the store, by type. */
function attachedTo(index: string): Record<string, Statement> {
  const { layers } = stored<Manifest>(stored<Index>(index).manifests[1]!.digest);
  return Object.fromEntries(
    layers.map((layer) => [
      layer.annotations!['in-toto.io/predicate-type']!,
      stored<Statement>(layer.digest),
    ]),
  );
}

/** The structure of an index and its attestations: everything but digests, sizes and what the statements say. */
function shapeOf(digest: string, read: <T>(digest: string) => T) {
  const index = read<Index>(digest);
  const attached = read<Manifest>(index.manifests[1]!.digest);
  const config = read<object>(attached.config.digest);
  const { subject, predicateType, predicate } = read<Statement>(attached.layers[0]!.digest);
  const { buildDefinition, runDetails } = predicate as Record<
    string,
    Record<string, Record<string, unknown>>
  >;
  return {
    index: plain(index),
    manifest: plain(attached) as Manifest,
    config: plain(config),
    statement: { predicateType, names: subject.map((one) => one.name) },
    request: buildDefinition!['externalParameters'],
    builder: buildDefinition!['internalParameters']!['builderPlatform'],
    times: Object.keys(runDetails!['metadata']!)
      .filter((key) => !/^(buildkit|jettison)_/.test(key))
      .sort(),
  };
}

function plain(value: object): object {
  const text = JSON.stringify(value, (key, one) => (key === 'size' ? 0 : one));
  return JSON.parse(text.replace(/sha256:[0-9a-f]{64}/g, 'sha256')) as object;
}
