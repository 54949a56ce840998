import { realpathSync } from 'node:fs';
import { basename } from 'node:path';
import { imagePurl } from '../attest/purl.ts';
import type { BuildFacts, Dependency } from '../attest/slsa-provenance.ts';
import { type ContextSource, contextSource } from '../context/context-source.ts';
import type { GitSource } from '../dockerfile/git-url.ts';
import { secretKind } from '../dockerfile/secret-values.ts';
import { withoutCredentials } from '../errors/safe-text.ts';
import { HostFiles } from '../git/host-files.ts';
import { remoteUrl } from '../git/remote-url.ts';
import { gitState, isDirty } from '../history/git-state.ts';
import { isSecret, Masking } from '../history/masking.ts';
import { type Digest, digestOf, hex } from '../image/digest.ts';
import type { ImageParts } from '../image/image.ts';
import { formatPlatform, hostPlatform } from '../image/platform.ts';
import type { Index } from '../image/types.ts';
import { OCI_LAYOUT } from '../plan/named-contexts.ts';
import type { BaseImage, Plan } from '../plan/plan.ts';
import { filesReadBy } from '../solve/files-read.ts';
import { isIndex } from '../store/lookup.ts';
import type { OpenedBuild } from './open-build.ts';
import type { BuildOptions } from './options.ts';
import { readNamedContexts } from './planning.ts';
import { stepInfos } from './step-infos.ts';

type Opened = Pick<OpenedBuild, 'session' | 'plans' | 'solvers' | 'text'>;
type Common = Pick<
  BuildFacts,
  'source' | 'dockerfile' | 'locals' | 'args' | 'withheld' | 'vcs' | 'builderPlatform'
> & { contexts: Dependency[]; masking: Masking };

/** What provenance says of a build beside its times and its builder. */
export type PlatformFacts = Omit<BuildFacts, 'startedMs' | 'finishedMs' | 'builderId' | 'version'>;

/** Gathers the facts that the provenance of a build is made from, when its steps are done. */
export class BuildFactsReader {
  #common: Promise<Common> | undefined;

  constructor(
    private readonly options: BuildOptions,
    private readonly opened: Opened,
  ) {}

  /** @param at of the platform; @param layerIds of the image's layers, lowest first */
  async of(at: number, image: ImageParts, layerIds: readonly string[]): Promise<PlatformFacts> {
    this.#common ??= this.#readCommon();
    const { contexts, masking, ...common } = await this.#common;
    const { plan } = this.opened.plans[at]!;
    const runs = plan.stages.flatMap(({ steps }) => steps.filter((step) => step.kind === 'run'));
    const mounts = runs.flatMap((run) => run.mounts);
    return {
      ...common,
      ...this.#steps(at, image, layerIds, masking),
      secrets: needed(mounts.filter((mount) => mount.type === 'secret')),
      ssh: needed(mounts.filter((mount) => mount.type === 'ssh')),
      dependencies: distinct([
        ...(common.source === undefined ? [] : [{ name: 'context', ...common.source }]),
        ...basesOf(plan).map((base) => this.#base(base)),
        ...contexts,
        ...(await this.#downloads(plan)),
      ]),
      isHermetic: runs.every(({ network }) => network === 'none'),
    };
  }

  async #readCommon(): Promise<Common> {
    const { options, opened } = this;
    const source = contextSource(options.context);
    const named = readNamedContexts(options.contexts).files;
    const remote = await this.#remote(source);
    const contexts: Dependency[] = [];
    for (const [name, one] of named) {
      const found = await this.#remote(one);
      if (found !== undefined) contexts.push({ name, ...found });
    }
    const { args, withheld, masking } = this.#args();
    return {
      source: remote,
      dockerfile: {
        path: options.file === undefined || options.file === '-' ? opened.text.name : basename(options.file),
        text: masking.text(opened.text.text),
      },
      locals: [
        ...(remote === undefined ? ['context', 'dockerfile'] : []),
        ...[...named].flatMap(([name, one]) => (isLocal(one) ? [name] : [])),
      ],
      ...{ args, withheld, masking, contexts },
      vcs: source.kind === 'directory' ? await this.#vcs(source.path) : undefined,
      builderPlatform: formatPlatform(hostPlatform()),
    };
  }

  /** The request's options under BuildKit's names. */
  #args(): { args: Record<string, string>; withheld: string[]; masking: Masking } {
    const { buildArgs = {}, labels = {}, contexts = {}, target, network, hosts = [] } = this.options;
    const secrets = [...this.opened.session.secrets.values()]
      .map((one) => Buffer.from(one).toString('utf8').trim())
      .filter((one) => one.length >= 4);
    const given: [key: string, value: string, isSecret: boolean][] = [
      ...Object.entries(buildArgs).map(([name, value]): [string, string, boolean] => [
        `build-arg:${name}`,
        value,
        isSecret(name, value),
      ]),
      ...Object.entries(labels).map(([name, value]): [string, string, boolean] => [
        `label:${name}`,
        value,
        secretKind(value) !== undefined,
      ]),
      ...Object.entries(contexts).flatMap(([name, place]): [string, string, boolean][] =>
        // Folders of this machine are nobody's business.
        isLocal(contextSource(place)) && !place.includes('://') ? [] : [[`context:${name}`, place, false]],
      ),
      ...(target === undefined ? [] : [['target', target, false] satisfies [string, string, boolean]]),
      ...(network === undefined || network === 'default'
        ? []
        : [['force-network-mode', network, false] satisfies [string, string, boolean]]),
      ...(hosts.length === 0
        ? []
        : [
            ['add-hosts', hosts.map((host) => host.join('=')).join(','), false] satisfies [
              string,
              string,
              boolean,
            ],
          ]),
    ];
    const isHidden = (value: string, secret: boolean) =>
      value !== '' && (secret || secrets.some((one) => value.includes(one)));
    const hidden = given.filter(([, value, secret]) => isHidden(value, secret));
    return {
      args: Object.fromEntries(
        given
          .filter((one) => !hidden.includes(one))
          .map(([key, value]) => [key, withoutCredentials(value)])
          .sort(([a], [b]) => (a! < b! ? -1 : 1)),
      ),
      withheld: hidden.map(([key]) => key).sort(),
      masking: new Masking(new Uint8Array(), [...secrets, ...hidden.map(([, value]) => value)]),
    };
  }

  #steps(
    at: number,
    { manifest }: ImageParts,
    layerIds: readonly string[],
    masking: Masking,
  ): Pick<BuildFacts, 'steps' | 'layers'> {
    const { session, plans, solvers } = this.opened;
    const { plan } = plans[at]!;
    const definitions = solvers[at]!.definitions();
    const needs = new Map(stepInfos(plan, undefined).map((info) => [info.id, info.needs ?? []]));
    const layers: BuildFacts['layers'] = {};
    const steps = plan.stages.flatMap((stage) =>
      stage.steps.map((step): BuildFacts['steps'][number] => {
        const { id, source, location } = step;
        const definition = definitions.get(id);
        const record = definition && session.store.records.look(definition);
        const layer = record && manifest.layers[layerIds.indexOf(record.layer)];
        if (layer !== undefined) layers[id] = layer;
        return {
          ...{ id, instruction: masking.text(source), line: location.line },
          inputs: [...(needs.get(id) ?? []), ...contextsOf(step)],
          ...(record !== undefined && {
            key: record.key,
            observations: digestOf(record.observations),
          }),
        };
      }),
    );
    return { steps, layers };
  }

  /** The digest is that of the index that the name stands for, as in BuildKit; else the manifest's. */
  #base({ reference, digest, platform }: BaseImage): Dependency {
    if (reference.startsWith(OCI_LAYOUT)) {
      const name = basename(reference.slice(OCI_LAYOUT.length).replace(/@sha256:.*$/, ''));
      const query = `platform=${encodeURIComponent(formatPlatform(platform))}`;
      return { uri: `pkg:oci/${encodeURIComponent(name)}?${query}`, digest: { sha256: hex(digest) } };
    }
    const { images, blobs } = this.opened.session.store;
    const target = images.get(reference)?.manifest;
    const isOf = (index: Digest) =>
      blobs.readJson<Index>(index).manifests.some((child) => child.digest === digest);
    const known = target !== undefined && isIndex(target) && blobs.has(target.digest) && isOf(target.digest);
    return {
      uri: imagePurl(reference, platform),
      digest: { sha256: hex(known ? target.digest : digest) },
    };
  }

  async #downloads({ stages }: Plan): Promise<Dependency[]> {
    const remotes = stages.flatMap(({ steps }) =>
      steps.flatMap((step) => (step.kind === 'copy' ? step.remotes : [])),
    );
    const found: Dependency[] = [];
    for (const remote of remotes) {
      if (remote.kind === 'git') found.push(await this.#commit(remote.source));
      else found.push(await this.#download(remote.url, remote.checksum));
    }
    return found;
  }

  async #remote(source: ContextSource): Promise<Dependency | undefined> {
    if (source.kind === 'git') return this.#commit(source.source);
    return source.kind === 'http' ? this.#download(source.url, undefined) : undefined;
  }

  /** Asked in this build already, so that nothing is fetched again. */
  async #commit(source: GitSource): Promise<Dependency> {
    const remotes = await this.opened.session.remotes.get();
    const commit = await remotes.commit(source);
    const { url, ref, subdir } = source;
    const fragment = subdir === undefined ? (ref ?? '') : `${ref ?? ''}:${subdir}`;
    return {
      uri: publicUrl(url) + (fragment === '' ? '' : `#${fragment}`),
      digest: commitDigest(commit),
    };
  }

  async #download(url: string, checksum: Digest | undefined): Promise<Dependency> {
    const remotes = await this.opened.session.remotes.get();
    const digest = checksum ?? (await remotes.download(url)).digest;
    return { uri: publicUrl(url), digest: { sha256: hex(digest) } };
  }

  /** As buildx writes it: a commit that files were changed since ends with `-dirty`. */
  async #vcs(path: string): Promise<BuildFacts['vcs']> {
    const directory = realpathSync(path);
    const state = gitState(directory);
    if (state === undefined) return undefined;
    const dirty = await isDirty(directory, this.opened.session.signal);
    const source = remoteUrl(new HostFiles(), directory);
    return {
      ...(source !== undefined && { source: publicUrl(source) }),
      revision: `${state.commit}${dirty === true ? '-dirty' : ''}`,
    };
  }
}

/** Without user, password and tokens. */
function publicUrl(url: string): string {
  return withoutCredentials(url.replace(/^(https?:\/\/)[^/?#]*@/i, '$1'));
}

function commitDigest(commit: string): Record<string, string> {
  return commit.length === 64 ? { sha256: commit } : { sha1: commit };
}

function isLocal({ kind }: ContextSource): boolean {
  return kind !== 'git' && kind !== 'http';
}

/** All base images of a plan, and those that its steps read files of. */
function basesOf({ stages }: Plan): BaseImage[] {
  return stages.flatMap(({ base, steps }) => [
    ...(base.kind === 'image' ? [base.image] : []),
    ...steps.flatMap(filesReadBy).flatMap((from) => (from.kind === 'image' ? [from.image] : [])),
  ]);
}

function contextsOf(step: Plan['target']['steps'][number]): string[] {
  const names = filesReadBy(step).flatMap((from) =>
    from.kind === 'context' ? ['context'] : from.kind === 'named' ? [`context:${from.name}`] : [],
  );
  // An ADD or COPY without files of the context has only URLs or heredocs.
  return [...new Set('sources' in step && step.sources.length === 0 ? [] : names)];
}

function needed(mounts: readonly { id: string; required: boolean }[]): { id: string; optional: boolean }[] {
  const ids = new Map<string, boolean>();
  for (const { id, required } of mounts) ids.set(id, (ids.get(id) ?? true) && !required);
  return [...ids].map(([id, optional]) => ({ id, optional })).sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Each once. */
function distinct(dependencies: readonly Dependency[]): Dependency[] {
  return [...new Map(dependencies.map((one) => [JSON.stringify(one), one])).values()];
}
