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
