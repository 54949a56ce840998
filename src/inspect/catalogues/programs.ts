import { nameOf } from '../../layer/entry.ts';
import type { Catalogue } from '../catalogue.ts';
import type { Kind } from '../package.ts';
import { searchElf } from '../stream-search.ts';

interface Program {
  /** The names that it is installed under. */
  names: RegExp;
  name: string;
  kind: Kind;
  /** Stands near its version… */
  near: string;
  /** …which this finds around it: bytes as Latin-1 characters. */
  version: RegExp;
}

/** Programs that say their version themselves, one a line: for images in which no list of packages has them. */
const PROGRAMS: readonly Program[] = [
  program(/^(busybox.*|bbsuid)$/, 'busybox', 'tool', 'BusyBox v', /BusyBox v(\d+\.\d+\.\d+)/),
  program(/^toybox/, 'toybox', 'tool', 'toybox ', /toybox (\d+\.\d+\.\d+)/),
  program(/^(ba)?sh$/, 'bash', 'tool', '@(#)Bash version ', /Bash version (\d+\.\d+\.\d+)/),
  program(/^nginx/, 'nginx', 'runtime', 'nginx/', /nginx\/(\d+\.\d+\.\d+)/),
  program(/^openresty|^nginx/, 'openresty', 'runtime', 'openresty/', /openresty\/([\d.]+\d)/),
  program(/^redis-/, 'redis', 'runtime', '000000000\0', /(\d+\.\d+\.\d+?)(?:[a-z][\w.-]*-)?\d{10}0{9}\0/),
  program(/^valkey-/, 'valkey', 'runtime', '000000000\0', /(\d+\.\d+\.\d+?)(?:[a-z][\w.-]*-)?\d{10}0{9}\0/),
  program(/^postgres$/, 'postgresql', 'runtime', 'PostgreSQL ', /PostgreSQL (\d+\.\d+)[ \0]/),
  program(/^haproxy/, 'haproxy', 'runtime', 'HAProxy version ', /HAProxy version (\d+\.\d+\.\d+)/),
  program(/^(httpd|apache2)$/, 'httpd', 'runtime', 'Apache/', /Apache\/(\d+\.\d+\.\d+)/),
  program(/^php/, 'php', 'runtime', 'X-Powered-By: PHP/', /PHP\/(\d+\.\d+\.\d+)/),
  program(/^perl/, 'perl', 'runtime', '/perl5/', /\/(5\.\d+\.\d+)[/\0]/),
  program(/^deno$/, 'deno', 'runtime', 'Deno/', /Deno\/(\d+\.\d+\.\d+)/),
  program(/^bun$/, 'bun', 'runtime', 'Bun v', /Bun v(\d+\.\d+\.\d+)/),
  program(/^curl$/, 'curl', 'tool', 'curl/', /curl\/(\d+\.\d+\.\d+)/),
  program(/^git$/, 'git', 'tool', 'git/', /git\/(\d+\.\d+\.\d+)/),
  program(/^tini/, 'tini', 'tool', 'tini version ', /tini version (\d+\.\d+\.\d+)/),
  program(/^dumb-init/, 'dumb-init', 'tool', 'dumb-init v', /dumb-init v(\d+\.\d+\.\d+)/),
  program(/^libcrypto\.so/, 'openssl', 'runtime', 'OpenSSL ', /OpenSSL (\d+\.\d+\.\d+[a-z]?) +\d/),
  program(/^libssl\.so/, 'openssl', 'runtime', 'OpenSSL ', /OpenSSL (\d+\.\d+\.\d+[a-z]?) +\d/),
  program(/^libc\.so\.6$/, 'glibc', 'runtime', 'stable release version ', /release version (\d+\.\d+)/),
  program(/^(ld-|libc\.)musl-/, 'musl', 'runtime', 'musl libc', /musl libc[\s\S]{0,64}?(\d\.\d+\.\d+)\0/),
];

interface Fact {
  name: string;
  version: string;
}

/** Single programs and libraries that no package manager brought: busybox, nginx, tini… */
export const programs: Catalogue<Fact> = {
  id: 'programs',

  wants: (path) => (PROGRAMS.some(({ names }) => names.test(nameOf(path))) ? 'pieces' : undefined),

  scan(path) {
    let fact: Fact | undefined;
    const needles = PROGRAMS.filter(({ names }) => names.test(nameOf(path))).map(
      ({ name, near, version: pattern }) => ({
        ...{ find: Buffer.from(near, 'latin1'), before: 128, after: 192 },
        found(around: Buffer, at: number) {
          const version = pattern.exec(around.toString('latin1', Math.max(0, at - 64)))?.[1];
          if (version !== undefined) fact ??= { name, version };
          return fact !== undefined;
        },
      }),
    );
    return searchElf(needles, () => fact);
  },

  own(census, facts) {
    for (const [path, { name, version }] of facts) {
      const kind = PROGRAMS.find((one) => one.name === name)?.kind ?? 'runtime';
      const leaf = census.leaf(path);
      if (leaf === undefined || leaf.kind !== undefined) continue;
      const owner = census.enter({
        ...{ id: `generic:${name}@${version}:/${path}`, type: 'generic', name, version, kind, path },
        purl: `pkg:generic/${encodeURIComponent(name)}@${encodeURIComponent(version)}`,
      });
      census.own(leaf, owner, kind);
      if (name === 'busybox' || name === 'toybox') ownLinks(path);
      function ownLinks(to: string): void {
        for (const folder of ['bin', 'sbin', 'usr/bin', 'usr/sbin']) {
          for (const link of census.below(folder)) {
            const { entry, content } = link;
            const isOther =
              entry.type === 'symlink'
                ? census.real(link.path) === to
                : content !== undefined && content === leaf?.content;
            if (isOther) census.own(link, owner, kind);
          }
        }
      }
    }
  },
};

function program(names: RegExp, name: string, kind: Kind, near: string, version: RegExp): Program {
  return { names, name, kind, near, version };
}
