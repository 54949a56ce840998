import type { PackageManifest } from '../package-manifest.ts';
import { astro } from './astro.ts';
import type { Framework } from './framework.ts';
import { nest } from './nest.ts';
import { next } from './next.ts';
import { nuxt } from './nuxt.ts';
import { plainNode } from './plain-server.ts';
import { reactRouter } from './react-router.ts';
import { svelteKit } from './sveltekit.ts';
import { createReactApp, vite } from './vite.ts';

/** Every framework that init knows; the first that a package uses counts. */
const FRAMEWORKS: readonly Framework[] = [
  next,
  nuxt,
  svelteKit,
  reactRouter,
  astro,
  nest,
  createReactApp,
  vite,
];

/** The framework of a package: one of the table, else a program that Node starts. */
export function frameworkOf(manifest: PackageManifest): Framework {
  const all = { ...manifest.devDependencies, ...manifest.dependencies };
  const found = FRAMEWORKS.find(({ packages }) => packages.some((name) => Object.hasOwn(all, name)));
  // A server of its own that builds its pages with Vite.
  const serves = /^(?:\w+=\S+\s+|cross-env\s+)*(node|tsx)\s/.test(manifest.scripts['start'] ?? '');
  return found === undefined || (found === vite && serves) ? plainNode : found;
}

/** Whether a package can be shipped: it has a start script or a known framework. */
export function isService(manifest: PackageManifest): boolean {
  return manifest.scripts['start'] !== undefined || frameworkOf(manifest) !== plainNode;
}
