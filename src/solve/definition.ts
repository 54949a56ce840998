import { type Digest, digestOf } from '../image/digest.ts';
import type { RunMount, StageBase, Step } from '../plan/plan.ts';

/**
 * What a step is, without what it reads: the readable part of its keys. Secrets are named, never contained;
 * proxy settings are left out.
 */
export function instructionOf(
  step: Step,
  time: number,
  hosts: readonly [string, string][],
): Record<string, unknown> {
  switch (step.kind) {
    case 'copy':
      return {
        kind: step.add ? 'add' : 'copy',
        from: step.from.kind,
        sources: step.sources,
        remotes: step.remotes,
        heredocs: step.heredocs,
        destination: step.destination,
        chown: step.chown,
        chmod: step.chmod,
        exclude: step.exclude,
        parents: step.parents,
        link: step.link,
        unpack: step.unpack,
        time,
      };
    case 'workdir':
      return { kind: 'workdir', path: step.path, user: step.user, time };
    case 'run':
      return {
        kind: 'run',
        args: step.args,
        env: [...step.env].sort(),
        cwd: step.cwd,
        user: step.user,
        network: step.network,
        ...(step.insecure ? { insecure: true } : {}),
        ...(hosts.length === 0 ? {} : { hosts }),
        mounts: step.mounts.map(mountDefinition),
        ...(step.agent === undefined ? {} : { agent: step.agent }),
        script: step.script,
      };
  }
}

/** A mount without the files that it shows. */
function mountDefinition(mount: RunMount): Record<string, unknown> {
  const files = 'from' in mount ? { from: mount.from?.kind } : {};
  return { ...mount, ...files };
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
 * from are defined equally, so that its result need not be asked for.
 *
 * @param source of a copy: the digest of the selected context files, or the definition of the stage or image
 */
export function stepDefinition(
  instruction: Record<string, unknown>,
  below: Digest,
  source: Digest | undefined,
): Digest {
  return digestOf({ instruction, below, source });
}
