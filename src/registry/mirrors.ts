import { JettisonError } from '../errors/error.ts';
import { withoutUser } from '../errors/safe-text.ts';
import { isLoopback } from './endpoint.ts';
import type { ConfiguredMirror } from './registry-rules.ts';

/**
 * The mirrors of a registry in `JETTISON_MIRRORS` (`docker.io=https://mirror.example.com,ghcr.io=…`).
 *
 * @returns undefined if the variable is not set: then the files of this machine apply
 * @throws JettisonError `MIRRORS_INVALID`
 */
export function environmentMirrors(registry: string, env: NodeJS.ProcessEnv): ConfiguredMirror[] | undefined {
  const setting = env['JETTISON_MIRRORS'];
  if (setting === undefined) return undefined;
  return setting
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .map((entry): [string, URL] => {
      const equals = entry.indexOf('=');
      const url = mirrorUrl(entry.slice(equals + 1));
      if (equals < 1 || url === undefined) {
        throw new JettisonError(
          'MIRRORS_INVALID',
          `invalid entry in JETTISON_MIRRORS: "${withoutMirrorUser(entry)}"`,
          {
            hint: 'Write REGISTRY=MIRROR, such as docker.io=https://mirror.example.com, separated by commas.',
          },
        );
      }
      return [entry.slice(0, equals), url];
    })
    .filter(([name]) => name === registry)
    .map(([, location]) => ({ location, insecure: false, access: 'all', origin: 'JETTISON_MIRRORS' }));
}

/** An entry of `JETTISON_MIRRORS`, for people. */
export function withoutMirrorUser(entry: string): string {
  const equals = entry.indexOf('=');
  return entry.slice(0, equals + 1) + withoutUser(entry.slice(equals + 1));
}

function mirrorUrl(text: string): URL | undefined {
  const scheme = text.includes('://')
    ? ''
    : isLoopback(text.replace(/\/.*$/, '').replace(/^.*@/, ''))
      ? 'http://'
      : 'https://';
  if (!URL.canParse(scheme + text)) return undefined;
  const url = new URL(scheme + text);
  return url.protocol === 'https:' || url.protocol === 'http:' ? url : undefined;
}
