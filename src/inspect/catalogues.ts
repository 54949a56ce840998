import type { Catalogue } from './catalogue.ts';
import { apk } from './catalogues/apk.ts';
import { dpkg } from './catalogues/dpkg.ts';
import { npm } from './catalogues/npm.ts';
import { release } from './inventory.ts';

/** All places in which packages are looked for, the one with most authority first: who owns a path first, owns it. */
export const CATALOGUES: readonly Catalogue[] = [release, dpkg, apk, npm] as readonly Catalogue[];

/** Raised when a catalogue keeps other facts than before: what is on record of layers is found out anew. */
export const FACTS_VERSION = 1;
