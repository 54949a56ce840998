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

/** All catalogues, the one with most authority first: the first owner of a path stays its owner. */
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

/** The version of stored facts. Facts of another version are not used: the layers are read again. */
export const FACTS_VERSION = typeof INSPECT_SOURCE === 'undefined' ? 'unbuilt' : INSPECT_SOURCE;
