import { readFileSync } from 'node:fs';
import { JettisonError } from '../errors/error.ts';
import { isLoopback } from './endpoint.ts';

const DAEMON_CONFIG = '/etc/docker/daemon.json';

/**
 * Where a registry's images can be read from instead: what `JETTISON_MIRRORS` says
 * (`docker.io=https://mirror.example.com,ghcr.io=…`), else for Docker Hub the `registry-mirrors` of this
 * machine's Docker.
 *
 * @throws JettisonError `MIRRORS_INVALID`
 */
export function mirrorsOf(registry: string, env: NodeJS.ProcessEnv, daemonConfig = DAEMON_CONFIG): URL[] {
  const setting = env['JETTISON_MIRRORS'];
  if (setting !== undefined) {
    return setting
      .split(/[\s,]+/)
      .filter((entry) => entry !== '')
      .map((entry): [string, URL] => {
        const equals = entry.indexOf('=');
        const url = mirrorUrl(entry.slice(equals + 1));
        if (equals < 1 || url === undefined) {
          throw new JettisonError(
            'MIRRORS_INVALID',
            `JETTISON_MIRRORS has an entry that is no mirror: ${entry}`,
            {
              hint: 'Write registry=mirror, such as docker.io=https://mirror.example.com, with commas between them.',
            },
          );
        }
        return [entry.slice(0, equals), url];
      })
      .filter(([name]) => name === registry)
      .map(([, url]) => url);
  }
  if (registry !== 'docker.io') return [];
  return daemonMirrors(daemonConfig)
    .map(mirrorUrl)
    .filter((url) => url !== undefined);
}

function daemonMirrors(path: string): string[] {
  try {
    const { 'registry-mirrors': mirrors } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    return Array.isArray(mirrors) ? mirrors.filter((mirror) => typeof mirror === 'string') : [];
  } catch {
    // Docker's own file: what is wrong with it is not for us to say.
    return [];
  }
}

function mirrorUrl(text: string): URL | undefined {
  const scheme = text.includes('://') ? '' : isLoopback(text.replace(/\/.*$/, '')) ? 'http://' : 'https://';
  if (!URL.canParse(scheme + text)) return undefined;
  const url = new URL(scheme + text);
  return url.protocol === 'https:' || url.protocol === 'http:' ? url : undefined;
}
