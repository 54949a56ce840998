import { type Digest, sha256 } from '../image/digest.ts';
import { formatPlatform } from '../image/platform.ts';
import type { Platform } from '../image/types.ts';

/** A builder, for the choice. */
export interface Candidate {
  text: string;
  /** Its own platform first, then those that it emulates. */
  platforms: readonly string[];
}

/**
 * The builders that can run a platform, best first: those that have it as their own before those that emulate it; among
 * equals, by rendezvous hashing of a key. So a key has the same builder in every build, and when a builder comes or
 * goes only its own keys move.
 */
export function orderBuilders<C extends Candidate>(
  builders: readonly C[],
  key: string,
  platform: Platform,
): C[] {
  const wanted = formatPlatform(platform);
  return builders
    .filter(({ platforms }) => platforms.includes(wanted))
    .map((builder) => ({
      builder,
      isOwn: isSameMachine(builder.platforms[0], platform),
      weight: sha256(`${builder.text}\0${key}`),
    }))
    .sort((a, b) => Number(b.isOwn) - Number(a.isOwn) || compare(b.weight, a.weight))
    .map(({ builder }) => builder);
}

function isSameMachine(own: string | undefined, { os, architecture }: Platform): boolean {
  return own?.split('/').slice(0, 2).join('/') === `${os}/${architecture}`;
}

function compare(a: Digest, b: Digest): number {
  return a < b ? -1 : Number(a > b);
}
