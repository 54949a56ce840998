import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ended, TestBuilds } from '../support/build.ts';
import { holding } from '../support/holding.ts';
import { eventually, openSandbox, whyNoSandbox } from '../support/sandbox.ts';
import { sample } from '../support/thorough.ts';

const why = whyNoSandbox();
const mark = (name: string) => `${name}-${randomBytes(12).toString('hex')}`;
/** From a file, from a variable, and an argument that no image keeps. */
const MARKS = [mark('file'), mark('variable'), mark('proxy')];
const [FILE, VARIABLE, PROXY] = MARKS as [string, string, string];
const GIVEN = ['--secret', 'id=f,src=secret', '--secret', 'id=v,env=GIVEN', '--build-arg', 'HTTPS_PROXY'];
const MOUNTS =
  '--mount=type=secret,id=f --mount=type=secret,id=v,env=V --mount=type=secret,id=f,env=F --mount=type=cache,target=/c';
const READS = 'test "$F" = "$(cat /run/secrets/f)" && test -n "$V$HTTPS_PROXY" && echo kept > /c/file';
let builds: TestBuilds;

beforeAll(async () => {
  if (why !== undefined) return;
  builds = await TestBuilds.create({});
  writeFileSync(join(builds.folder, 'secret'), FILE);
});
afterAll(() => builds?.remove());

/** All arguments of all processes that had one of the marks in them while something was going on. */
async function watched<T>(work: Promise<T>): Promise<{ result: T; seen: string[] }> {
  const seen = new Set<string>();
  let isOver = false;
  const result = work.finally(() => {
    isOver = true;
  });
  while (!isOver) {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      const line = argumentsOf(pid);
      if (MARKS.some((one) => line.includes(one))) seen.add(line.replaceAll('\0', ' '));
    }
    await turn();
  }
  return { result: await result, seen: [...seen] };
}

function argumentsOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

describe.skipIf(why).each(['oci', 'namespaces'] as const)(
  "secrets in the command's output and files, on the rung %s",
  (rung) => {
    let unable: string | undefined;
    beforeAll(async () => {
      const probe = await openSandbox({ rung });
      if (typeof probe === 'string') unable = probe;
      else await probe.close();
    });
    beforeEach((ctx) => {
      if (unable !== undefined) ctx.skip(unable);
    });
    const env = { GIVEN: VARIABLE, HTTPS_PROXY: PROXY };
    const folderOf = (name: string, run: string) => {
      const folder = join(builds.folder, `${rung}-${name}`);
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'Dockerfile'), `FROM base\nRUN ${MOUNTS} ${run}\n`);
      return folder;
    };
    const start = (folder: string, ...args: string[]) =>
      builds.start(['build', `--isolation=${rung}`, ...GIVEN, ...args, folder], { env });
    const nowhere = (...texts: string[]) => {
      for (const text of texts) expect(MARKS.filter((one) => text.includes(one))).toEqual([]);
      // The file that a secret is given by is beside the store.
      expect(holding(builds.folder, MARKS)).toEqual([join(builds.folder, 'secret')]);
    };

    it.each(sample(['plain', 'rawjson'], 1))(
      'a build that goes well, its caches and its image (%s)',
      async (progress) => {
        const folder = folderOf(`well-${progress}`, READS);
        const cache = join(builds.folder, `cache-${rung}-${progress}`);
        const metadata = join(builds.folder, 'metadata.json');
        const output = [`--progress=${progress}`, '--metadata-file', metadata, '-t', 'app'];
        const caching = [
          '--cache-to',
          `type=local,dest=${cache},mode=max,cache-mounts=true`,
          '--cache-to',
          'type=inline',
        ];
        const { result, seen } = await watched(ended(start(folder, ...output, ...caching, '--no-cache')));
        expect(result).toMatchObject({ code: 0 });
        expect(seen).toEqual([]);
        expect([existsSync(cache), existsSync(metadata)]).toEqual([true, true]);
        const told = await Promise.all(
          [
            ['du', '--json'],
            ['inspect', 'app'],
            ['history', '--no-trunc', 'app'],
          ].map((args) => builds.run(args)),
        );
        for (const { code, err } of told) expect({ code, err }).toEqual({ code: 0, err: '' });
        nowhere(result.out, result.err, ...told.map(({ out }) => out));
      },
    );

    it.each(sample(['plain', 'rawjson'], 1))(
      'a failed build and its kept failure contain no secret (%s)',
      async (progress) => {
        const folder = folderOf(`fails-${progress}`, `${READS} && echo left > /left && exit 3`);
        const { result, seen } = await watched(ended(start(folder, `--progress=${progress}`)));
        expect(result).toMatchObject({ code: 1 });
        expect(seen).toEqual([]);
        const { failures } = builds.store.layout;
        expect(readdirSync(failures).length).toBeGreaterThan(0);
        nowhere(result.out, result.err);
      },
    );

    it('a build that is killed while a command has them', async () => {
      const folder = folderOf('killed', `${READS} && echo there && sleep 60`);
      const child = start(folder, '--progress=plain');
      const end = ended(child);
      let said = '';
      child.stderr!.on('data', (data) => {
        said += data;
      });
      await eventually('the command runs', () => / there$/m.test(said));
      nowhere();
      process.kill(-child.pid!, 'SIGKILL');
      nowhere(...Object.values(await end).map(String));
    });
  },
);
