import { formatPlatform } from '../image/platform.ts';
import { familiarRepository, parseReference } from '../image/reference.ts';
import type { Platform } from '../image/types.ts';

/**
 * An image as a package URL: `pkg:docker/node@20?platform=linux%2Famd64`.
 *
 * @param name of an image, canonical or as people write it
 */
export function imagePurl(name: string, platform: Platform): string {
  const { registry, repository, tag, digest } = parseReference(name);
  const familiar = familiarRepository({ registry, repository });
  const qualifiers = [
    ...(digest === undefined ? [] : [`digest=${digest}`]),
    `platform=${encodeURIComponent(formatPlatform(platform))}`,
  ];
  return `pkg:docker/${familiar}${tag === undefined ? '' : `@${tag}`}?${qualifiers.join('&')}`;
}
