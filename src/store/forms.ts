/**
 * The directory forms of a layer, named as their folders in `layers/<id>/`. The metadata on the disk depends on the
 * privileges of the worker that made it, so each kind of worker runs commands on its own form only.
 *
 * - `dir`: by the machine's root, as overlayfs stores it.
 * - `dir-user`: by the root of a user namespace with several ids.
 * - `dir-single`: by the root of one with a single id, which owns all files.
 * - `dir-plain`: by a worker without namespaces, with the owners, modes, devices and whiteouts that it was able to make.
 */
export const DIRECTORY_FORMS = ['dir', 'dir-user', 'dir-single', 'dir-plain'] as const;

export type DirectoryForm = (typeof DIRECTORY_FORMS)[number];

/** Directory forms that a worker can read. The first one is its own: it makes that, and runs commands on it. */
export type ReadableForms = readonly [own: DirectoryForm, ...others: DirectoryForm[]];
