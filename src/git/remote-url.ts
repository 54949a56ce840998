import { findPlace, text } from './git-references.ts';
import type { RepositoryFiles } from './repository-files.ts';

/**
 * The URL of the remote that a directory's repository was cloned from: `origin`, or its only remote. The config is read
 * without its includes.
 *
 * @param directory absolute real path
 */
export function remoteUrl(files: RepositoryFiles, directory: string): string | undefined {
  const place = findPlace(files, directory);
  const config = place === undefined ? undefined : text(files, `${place.common}/config`);
  const urls = new Map<string, string>();
  for (const section of config?.split(/^\s*(?=\[)/m) ?? []) {
    const name = /^\[\s*remote\s+"([^"\n]*)"\s*\]/i.exec(section)?.[1];
    const url = /^\s*url\s*=\s*"?([^"\s]+)/im.exec(section)?.[1];
    if (name !== undefined && url !== undefined && !urls.has(name)) urls.set(name, url);
  }
  return urls.get('origin') ?? (urls.size === 1 ? [...urls.values()][0] : undefined);
}
