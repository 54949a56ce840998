import type { Census } from '../inspect/census.ts';
import type { Kind } from '../inspect/package.ts';

/** Kinds of packages that everybody can install; the application itself is a package, too. */
const FROM_PACKAGES: ReadonlySet<Kind> = new Set<Kind>([
  ...(['os-package', 'runtime', 'npm', 'npm-dev', 'python', 'go', 'java', 'rust', 'tool'] as const),
]);

/** Folders that package managers fill, for files whose owners are unknown: those that are gone from the final tree. */
const PACKAGE_FOLDER =
  /(?:^|\/)(?:node_modules\/((?:@[^/]+\/)?[^./@][^/]*)|(?:site|dist)-packages\/([^/]+)|go\/pkg\/mod\/(.+?@[^/]+)|gems\/([^/]+))\//;

/**
 * The package that brings a file to everybody who installs it. A key in such a file is one for tests or examples: it is
 * not a secret of the image. Undefined for all other files: for those that an installation has made, for settings, which
 * people edit, and for files that a later layer has replaced.
 *
 * @param layer the layer that has the file
 */
export function publisherOf(census: Census, path: string, layer: number): string | undefined {
  if (path.startsWith('etc/')) return undefined;
  const leaf = census.get(path);
  if (leaf === undefined || !('owner' in leaf) || leaf.owner === undefined) {
    return PACKAGE_FOLDER.exec(path)
      ?.slice(1)
      .find((name) => name !== undefined);
  }
  if (!FROM_PACKAGES.has(leaf.owner.kind)) return undefined;
  return census.changes[layer]!.replaces(path) ? undefined : leaf.owner.name;
}
