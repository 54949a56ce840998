import { paragraphs } from '../inspect/catalogues/paragraphs.ts';

/** A place from which an image installs packages, as one of its files names it. */
export interface PackageSource {
  type: 'deb' | 'apk';
  /** Without a slash at its end. */
  uri: string;
  /** Of Debian: `bookworm`, and `main`. Of Alpine the address has them. */
  suite: string;
  components: string[];
  /** A path of the image with the keys that must have signed it. */
  signedBy?: string;
}

const LIST = /^etc\/apt\/(sources\.list|sources\.list\.d\/[^/]+\.list)$/;
const DEB822 = /^etc\/apt\/sources\.list\.d\/[^/]+\.sources$/;
const REPOSITORIES = 'etc/apk/repositories';

/** Whether a file of an image names sources. @param path relative to the root */
export function isSourcesFile(path: string): boolean {
  return LIST.test(path) || DEB822.test(path) || path === REPOSITORIES;
}

/**
 * The sources that a file names: `sources.list` and `.sources` of apt, `repositories` of apk. Invalid
 * lines, sources that are not on the web and sources of source code are left out.
 */
export function readSources(path: string, text: string): PackageSource[] {
  const lines = text.split('\n');
  const found =
    path === REPOSITORIES
      ? lines.flatMap(readRepository)
      : DEB822.test(path)
        ? paragraphs(withoutComments(text)).flatMap(readParagraph)
        : lines.flatMap(readLine);
  return found.filter(({ uri }) => isWeb(uri));
}

/** `deb [signed-by=/usr/share/keyrings/x.gpg arch=amd64] https://debian.example.com/debian bookworm main contrib`. */
function readLine(line: string): PackageSource[] {
  const [, options = '', uri, suite, rest] =
    /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)((?:\s+[^\s#]+)*)/.exec(line) ?? [];
  if (uri === undefined || suite === undefined) return [];
  const signedBy = /(?:^|\s)signed-by=(\S+)/.exec(options)?.[1];
  return [source(uri, suite, words(rest ?? ''), signedBy)];
}

/** A paragraph of `Types`, `URIs`, `Suites`, `Components`: one source an address and suite. */
function readParagraph(fields: ReadonlyMap<string, string>): PackageSource[] {
  const list = (name: string) => words(fields.get(name) ?? '');
  if (!list('types').includes('deb') || fields.get('enabled')?.toLowerCase() === 'no') return [];
  return list('uris').flatMap((uri) =>
    list('suites').map((suite) => source(uri, suite, list('components'), list('signed-by')[0])),
  );
}

/**
 * `https://dl-cdn.alpinelinux.org/alpine/v3.22/main`. Repositories with a tag (`@testing https://…`) are left out: apk
 * installs from them only what is asked for by that tag.
 */
function readRepository(line: string): PackageSource[] {
  const uri = /^\s*(https?:\/\/\S+)/.exec(line)?.[1];
  if (uri === undefined) return [];
  return [{ type: 'apk', uri: uri.replace(/\/+$/, ''), suite: '', components: [] }];
}

function source(
  uri: string,
  suite: string,
  components: string[],
  signedBy: string | undefined,
): PackageSource {
  const isPath = signedBy?.startsWith('/');
  return {
    ...{ type: 'deb', uri: uri.replace(/\/+$/, ''), suite, components },
    ...(isPath && { signedBy: signedBy!.slice(1) }),
  };
}

/** Comments may stand between the fields of a paragraph. */
function withoutComments(text: string): string {
  return text.replace(/^#.*\n?/gm, '');
}

function isWeb(uri: string): boolean {
  return /^https?:\/\//.test(uri) && URL.canParse(uri);
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}
