import { withoutCredentials } from '../errors/safe-text.ts';
import { type Digest, digestOf } from '../image/digest.ts';
import type { CopyFrom, RemoteSource, StageBase, Step } from '../plan/plan.ts';
import { KEY_VERSION } from '../store/records.ts';
import type { RunSettings } from './solve-context.ts';

/**
 * The instruction of a step, without its inputs: the readable part of its keys. Every field counts unless it is named
 * here. Steps name secrets and never contain them; proxy settings are left out. Of the build's settings for all RUNs
 * those count which BuildKit counts: limits (memory, processors, time) do not.
 */
export function instructionOf(
  step: Step,
  time: number,
  { hosts, ulimits, shmSize }: Pick<RunSettings, 'hosts' | 'ulimits' | 'shmSize'>,
): Record<string, unknown> {
  switch (step.kind) {
    case 'copy': {
      const { id: _id, title: _title, location: _location, source: _source, ...keyed } = step;
      return { ...keyed, remotes: step.remotes.map(withoutLogin), from: kindOf(step.from), time };
    }
    case 'workdir': {
      const { id: _id, title: _title, location: _location, source: _source, ...keyed } = step;
      return { ...keyed, time };
    }
    case 'run': {
      const {
        id: _id,
        title: _title,
        location: _location,
        source: _source,
        hiddenEnv: _proxies,
        ...keyed
      } = step;
      const mounts = step.mounts.map((mount) =>
        'from' in mount ? { ...mount, from: kindOf(mount.from) } : mount,
      );
      return {
        ...keyed,
        env: [...step.env].sort(),
        mounts,
        hosts,
        ...(ulimits.length === 0 ? {} : { ulimits }),
        ...(shmSize === undefined ? {} : { shmSize }),
      };
    }
  }
}

/** A source without its credentials: they do not change it, and records must not have them. */
function withoutLogin(remote: RemoteSource): RemoteSource {
  return remote.kind === 'http'
    ? { ...remote, url: withoutCredentials(remote.url) }
    : { ...remote, source: { ...remote.source, url: withoutCredentials(remote.source.url) } };
}

/** The kind of a source of files; the files themselves are observed. */
function kindOf(from: CopyFrom | undefined): CopyFrom['kind'] | undefined {
  return from?.kind;
}

/** Definition digest of what a stage starts from. @param parent of a stage: its own definition digest */
export function baseDefinition(base: StageBase, parent: Digest | undefined): Digest {
  switch (base.kind) {
    case 'scratch':
      return digestOf({ base: 'scratch' });
    case 'image':
      return digestOf({ base: 'image', manifest: base.image.digest });
    case 'stage':
      return parent!;
  }
}

/**
 * Definition digest of a step: equal when its instruction, everything below it and everything that it copies
 * from are defined equally: then its result is known without its key.
 *
 * @param source of a copy: the digest of the selected context files, or the definition of the stage or image
 */
export function stepDefinition(
  instruction: Record<string, unknown>,
  below: Digest,
  source: Digest | undefined,
): Digest {
  return digestOf({ version: KEY_VERSION, instruction, below, source });
}

/** Key of a step: equal when its instruction and all that it has observed are equal. Names the layer. */
export function stepKey(instruction: Record<string, unknown>, observations: Record<string, unknown>): Digest {
  return digestOf({ version: KEY_VERSION, instruction, observations });
}
