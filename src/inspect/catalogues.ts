import type { Catalogue } from './catalogue.ts';
import { apk } from './catalogues/apk.ts';
import { dpkg } from './catalogues/dpkg.ts';
import { go } from './catalogues/go.ts';
import { java } from './catalogues/java.ts';
import { jre } from './catalogues/jre.ts';
import { nativeAddons } from './catalogues/native-addons.ts';
import { node } from './catalogues/node.ts';
import { npm } from './catalogues/npm.ts';
import { programs } from './catalogues/programs.ts';
import { python } from './catalogues/python.ts';
import { rust } from './catalogues/rust.ts';
import { yarn } from './catalogues/yarn.ts';
import { release } from './inventory.ts';

/** All places in which packages are looked for, the one with most authority first: who owns a path first, owns it. */
export const CATALOGUES = [
  release,
  dpkg,
  apk,
  node,
  npm,
  yarn,
  python,
  jre,
  java,
  go,
  rust,
  programs,
  nativeAddons,
] as readonly Catalogue[];

/** Set by `scripts/build.mjs`: a digest of all that decides which facts are kept. */
declare const INSPECT_SOURCE: string | undefined;

/** Facts that other sources have kept do not count: what is on record of layers is found out anew. */
export const FACTS_VERSION = typeof INSPECT_SOURCE === 'undefined' ? 'unbuilt' : INSPECT_SOURCE;
