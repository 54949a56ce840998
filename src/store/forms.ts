/**
 * The directory forms that a layer can have, by the names of their folders in `layers/<id>/`. What stands on the disk
 * depends on what the worker that made it may do, so each kind of worker runs commands on its own form only.
 * `dir`: of a machine's root, in overlayfs's own terms. `dir-user`: of the root of a user namespace with several ids.
 * `dir-single`: of one with a single id, in which everything belongs to that. `dir-plain`: of a worker without
 * namespaces; owners, modes, devices and whiteouts are as far on the disk as they could be put there.
 */
export const DIRECTORY_FORMS = ['dir', 'dir-user', 'dir-single', 'dir-plain'] as const;

export type DirectoryForm = (typeof DIRECTORY_FORMS)[number];

/** Directory forms whose files a worker can read: first the one that it makes, and runs commands on. */
export type ReadableForms = readonly [own: DirectoryForm, ...others: DirectoryForm[]];
