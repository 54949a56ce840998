/** The ways of running a command, from the best to the last resort. */
export const RUNGS = ['oci', 'namespaces', 'chroot', 'none'] as const;

/**
 * `oci`: crun or runc. `namespaces`: namespaces made with util-linux. `chroot`: a copied tree. `none`: no command
 * runs, everything else works.
 */
export type RungName = (typeof RUNGS)[number];

/** Which rung of the ladder a build may stand on: the best that works, or one. */
export const RUNG_CHOICES = ['auto', ...RUNGS] as const;

export type RungChoice = (typeof RUNG_CHOICES)[number];

export type RuntimeName = 'crun' | 'runc';

/** A runtime that runs a command, for who wants to run another one beside it. */
export interface RunningRuntime {
  name: RuntimeName;
  /** Absolute path in the mount namespace of the sandbox's first process: see `runtimePlaces`. */
  folder: string;
}

/**
 * How a worker gets to mount things.
 * `root`: a mount namespace is enough. `nested`: so it is, since this process is root of a user namespace
 * with several ids already. `ranges`: a user namespace with the ids that /etc/subuid grants. `single`: a user
 * namespace in which only one id exists, this user's, shown as root. `none`: no namespaces, so it mounts nothing
 * and runs no commands.
 */
export type Isolation = 'root' | 'nested' | 'ranges' | 'single' | 'none';

/** What a worker stands on: decided before it is started, since it begins with how it is started. */
export interface WorkerMode {
  isolation: Isolation;
  rung: RungName;
  /** On the rung `oci`: which runtime. */
  runtime?: RuntimeName;
}
