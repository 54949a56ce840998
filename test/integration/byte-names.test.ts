import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Output } from '../../src/export/exporters.ts';
import { bytesOfName, nameOfBytes } from '../../src/layer/names.ts';
import { TarReader } from '../../src/layer/tar-read.ts';
import { TestBuilds } from '../support/build.ts';
import { makeTar } from '../support/images.ts';
import { whyNoSandbox } from '../support/sandbox.ts';
import { tempDir } from '../support/temp-dir.ts';
import { IS_THOROUGH } from '../support/thorough.ts';
import { commitAll, git, hasGit, Web } from '../support/web.ts';

const RUNS = Number(process.env['JETTISON_FUZZ_RUNS'] ?? 0) > 0 ? 300 : IS_THOROUGH ? 12 : 4;
const whyNoRun = whyNoSandbox();

/** Any bytes but NUL and `/`, mostly those that UTF-8 has in odd places. */
const byte = fc.oneof(
  fc.constantFrom(
    0x80,
    0xbf,
    0xc3,
    0xe9,
    0xed,
    0xa0,
    0xef,
    0xf0,
    0x9f,
    0xff,
    0x61,
    0x62,
    0x0a,
    0x20,
    0x5c,
    0x2a,
  ),
  fc.integer({ min: 1, max: 255 }).filter((one) => one !== 0x2f),
);
const name = fc
  .array(byte, { minLength: 1, maxLength: 5 })
  .map((bytes) => Buffer.from(bytes))
  .filter((bytes) => !['.', '..'].includes(bytes.toString('latin1')));
const names = fc.uniqueArray(name, { minLength: 5, maxLength: 5, selector: (one) => one.toString('latin1') });

/** Everything below a folder, by its bytes in latin1: `f content`, `l target`, `d`. */
function listing(folder: string | Buffer): Record<string, string> {
  const found: Record<string, string> = {};
  const walk = (at: Buffer, shown: string) => {
    for (const child of readdirSync(at, 'buffer')) {
      const path = Buffer.concat([at, Buffer.from('/'), child]);
      const key = shown === '' ? child.toString('latin1') : `${shown}/${child.toString('latin1')}`;
      const stat = lstatSync(path);
      if (stat.isDirectory()) {
        found[key] = 'd';
        walk(path, key);
      } else if (stat.isSymbolicLink()) found[key] = `l ${readlinkSync(path, 'buffer').toString('latin1')}`;
      else found[key] = `f ${readFileSync(path, 'latin1')}`;
    }
  };
  walk(Buffer.from(folder), '');
  return found;
}

/** The same of a tar. */
function tarListing(path: string): Record<string, string> {
  const found: Record<string, string> = {};
  let at = '';
  const reader = new TarReader({
    entry: ({ name: text, type, link }) => {
      at = bytesOfName(text).toString('latin1').replace(/\/$/, '');
      found[at] =
        type === 'directory' ? 'd' : type === 'symlink' ? `l ${bytesOfName(link!).toString('latin1')}` : 'f ';
    },
    data: (chunk) => {
      found[at] += chunk.toString('latin1');
    },
    end: () => {},
  });
  reader.write(readFileSync(path));
  reader.end();
  return found;
}

/** What is below a path of a listing. */
function under(all: Record<string, string>, path: string): Record<string, string> {
  const start = `${path}/`;
  return Object.fromEntries(
    Object.entries(all).flatMap(([key, what]) =>
      key.startsWith(start) ? [[key.slice(start.length), what]] : [],
    ),
  );
}

function write(folder: string, [file, directory, inner, link, ignored]: Buffer[]): Record<string, string> {
  const path = (...parts: Buffer[]) =>
    Buffer.concat([Buffer.from(folder), ...parts.flatMap((part) => [Buffer.from('/'), part])]);
  writeFileSync(path(file!), 'file');
  mkdirSync(path(directory!));
  writeFileSync(path(directory!, inner!), 'inner');
  writeFileSync(path(directory!, ignored!), 'ignored');
  symlinkSync(Buffer.concat([directory!, Buffer.from('/'), inner!]), path(link!));
  writeFileSync(path(ignored!), 'ignored');
  return listing(folder);
}

/** A name as a pattern of .dockerignore that stands for itself; undefined where there is none. */
function pattern(bytes: Buffer): Buffer | undefined {
  const text = bytes.toString('latin1');
  if (/[\n\r#!\\]|^\s|\s$/.test(text) || text.trim() === '' || text !== text.trim()) return undefined;
  return Buffer.from(text.replace(/[*?[\]^]/g, '\\$&'), 'latin1');
}

/** Names in Latin-1, for `write`. */
const LATIN = ['f\xe9', 'd\xe9', 'i\xff', 'l\x80', 'o\xc3'].map((one) => Buffer.from(one, 'latin1'));

let builds: TestBuilds;
let folder: string;
beforeAll(async () => {
  folder = tempDir();
  builds = await TestBuilds.create({});
});
afterAll(() => {
  builds.remove();
});

describe('names are bytes', () => {
  test('of a context, in ignore rules, copies, outputs and caches', async () => {
    let round = 0;
    await fc.assert(
      fc.asyncProperty(names, async (chosen) => {
        const at = join(folder, `round-${round++}`);
        const context = join(at, 'context');
        mkdirSync(context, { recursive: true });
        try {
          const all = write(context, chosen);
          const rule = pattern(chosen[4]!);
          const ignored = chosen[4]!.toString('latin1');
          const wanted = Object.fromEntries(
            Object.entries(all).filter(
              ([key]) => rule === undefined || (key !== ignored && !key.endsWith(`/${ignored}`)),
            ),
          );
          const ignoreFile = join(at, 'Dockerfile.dockerignore');
          const file = join(at, 'Dockerfile');
          if (rule !== undefined) writeFileSync(ignoreFile, Buffer.concat([Buffer.from('**/'), rule]));
          writeFileSync(
            file,
            'FROM scratch AS one\nCOPY . /all/\nCOPY * /some/\nCOPY --parents . /parents/\n' +
              'FROM scratch\nCOPY --from=one / /\nCOPY --from=one /all/* /wild/\n',
          );
          const outputs = [
            { type: 'local', path: join(at, 'local') },
            { type: 'tar', to: { path: join(at, 'files.tar') } },
            { type: 'archive', format: 'oci-archive', to: { path: join(at, 'image.tar') } },
          ] satisfies Output[];
          const options = { context, file, isolation: 'none' as const, outputs };
          const cache = { type: 'local', path: join(at, 'cache') } as const;
          const { digest } = await builds.build('', { ...options, cacheTo: [{ ...cache, mode: 'max' }] });
          expect(under(listing(join(at, 'local')), 'all')).toEqual(wanted);
          expect(under(listing(join(at, 'local')), 'parents')).toEqual(wanted);
          expect(under(tarListing(join(at, 'files.tar')), 'all')).toEqual(wanted);
          const files = listing(join(at, 'local'));
          // A directory that a wildcard finds gives what is in it, and a link what it leads to.
          const [plain, directory, inner, link] = chosen.map((one) => one.toString('latin1'));
          for (const folderName of ['some', 'wild']) {
            const found = under(files, folderName);
            expect(found[plain!]).toBe('f file');
            expect(found[inner!]).toBeDefined();
            expect(found[link!]).toBeDefined();
            expect(found[directory!]).toBe(
              [inner, ignored].includes(directory!) ? found[directory!] : undefined,
            );
          }
          const again = await builds.build('', { ...options, outputs: [] });
          expect(again.digest).toBe(digest);
          const other = await TestBuilds.create();
          try {
            const dest = join(at, 'shared');
            const shared = {
              ...options,
              cacheFrom: [cache],
              outputs: [{ type: 'local' as const, path: dest }],
            };
            const { outcomes } = await other.build('', shared);
            expect(Object.values(outcomes)).not.toContain('done');
            expect(listing(dest)).toEqual(files);
          } finally {
            other.remove();
          }
        } finally {
          rmSync(at, { recursive: true, force: true });
        }
      }),
      { numRuns: RUNS },
    );
  }, 1_800_000);

  test('of an archive that ADD extracts, in any directory and with any name', async () => {
    const context = join(folder, 'archives');
    mkdirSync(context);
    const tar = makeTar([
      [{ path: nameOfBytes(Buffer.from('d\xe9', 'latin1')), type: 'directory', mode: 0o755 }],
      [{ path: nameOfBytes(Buffer.from('d\xe9/f\xff', 'latin1')) }, 'member'],
    ]);
    writeFileSync(Buffer.concat([Buffer.from(`${context}/`), Buffer.from('a\xe9.tar', 'latin1')]), tar);
    const dest = join(folder, 'archives-out');
    await builds.build('FROM scratch\nADD a?.tar /x/\nADD --unpack=false a* /y/\n', {
      context,
      outputs: [{ type: 'local', path: dest }],
      isolation: 'none',
    });
    expect(listing(dest)).toEqual({
      x: 'd',
      'x/d\xe9': 'd',
      'x/d\xe9/f\xff': 'f member',
      y: 'd',
      'y/a\xe9.tar': `f ${tar.toString('latin1')}`,
    });
  });

  test('of a repository', async (ctx) => {
    if (!hasGit) ctx.skip('git is not installed');
    const repository = join(folder, 'repository');
    mkdirSync(repository);
    const all = write(repository, LATIN);
    commitAll(repository, 'all');
    git(folder, 'clone', '-q', '--bare', 'repository', 'repositories/app.git');
    const web = await Web.start(join(folder, 'repositories'));
    try {
      const path = join(folder, 'repository-out');
      const url = `${web.url}/git/app.git`;
      await builds.build(`FROM scratch\nADD ${url} /x/\nCOPY --from=app . /y/\n`, {
        contexts: { app: url },
        outputs: [{ type: 'local', path }],
        isolation: 'none',
      });
      expect(under(listing(path), 'x')).toEqual(all);
      expect(under(listing(path), 'y')).toEqual(all);
    } finally {
      await web.close();
    }
  });

  test('of files that commands see and create', async (ctx) => {
    if (whyNoRun !== undefined) ctx.skip(whyNoRun);
    const context = join(folder, 'commands');
    mkdirSync(context);
    const all = write(context, LATIN);
    const dest = join(folder, 'commands-out');
    const tar = join(folder, 'commands.tar');
    await builds.build(
      `FROM base AS made
COPY . /all/
RUN cp -a /all /ran && mv "$(printf '/ran/f\\351')" "$(printf '/ran/g\\377')" && rm "$(printf '/all/o\\303')"
RUN --mount=type=bind,target=/context --mount=type=cache,target=/cache \\
    cp -a /context/. /cache/ && cp -a /cache /mounted
FROM scratch
COPY --from=made /all /all
COPY --from=made /ran /ran
COPY --from=made /mounted /mounted
`,
      {
        context,
        outputs: [
          { type: 'local', path: dest },
          { type: 'tar', to: { path: tar } },
        ],
      },
    );
    const files = listing(dest);
    const { 'o\xc3': _, ...left } = all;
    expect(under(files, 'all')).toEqual(left);
    const { 'f\xe9': moved, ...rest } = all;
    expect(under(files, 'ran')).toEqual({ ...rest, 'g\xff': moved });
    expect(under(files, 'mounted')).toEqual(all);
    expect(tarListing(tar)).toEqual(files);
  });

  test('a mount whose target leads to such a name is refused', async (ctx) => {
    if (whyNoRun !== undefined) ctx.skip(whyNoRun);
    const error = await builds.failure(
      `FROM base
RUN mkdir "$(printf '/caf\\351')" && ln -s "$(printf 'caf\\351')" /link
RUN --mount=type=tmpfs,target=/link/sub true
`,
    );
    expect(error.message).toBe('cannot mount at /link/sub: it leads to /caf\\xe9/sub, which is not UTF-8');
  });

  test('a message prints such bytes escaped', async () => {
    const context = join(folder, 'message');
    mkdirSync(context);
    const path = Buffer.concat([Buffer.from(`${context}/`), Buffer.from('caf\xe9', 'latin1')]);
    symlinkSync('nowhere', path);
    const error = await builds.failure('FROM scratch\nCOPY cafe caf? /\n', { context });
    expect(error.message).toBe('"cafe" does not exist in the build context');
    expect(error.hint).toBe('Did you mean "caf\\xe9"?');
  });
});
