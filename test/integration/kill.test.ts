import { chmodSync, chownSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ended, otherUser, remains, startCommand, TestBuilds } from '../support/build.ts';
import { childrenOf, copyCommand, eventually, marker, whyNoSandbox } from '../support/sandbox.ts';
import { randomNumbers, SEED } from '../support/seed.ts';
import { IS_THOROUGH, sample } from '../support/thorough.ts';

const ROUNDS = Number(process.env['JETTISON_KILL_ROUNDS'] ?? (IS_THOROUGH ? 4 : 2));
const FILES = 500;
const MODES = ['control', 'worker', 'both', 'group'] as const;

/** Several stages, commands that write many files, and copies of many files. */
const DOCKERFILE = `
FROM base AS made
ARG MARKER ROUND
WORKDIR /made
RUN i=0; while [ $i -lt 400 ]; do echo $ROUND > f$i; i=$((i+1)); done

FROM base AS changed
COPY package /package/
ARG MARKER ROUND
RUN cp -r /package /copy && rm -rf /package/1 && echo $ROUND > /copy/round

FROM base
COPY . /all/
COPY --from=made /made /made/
COPY --from=changed /copy /copy/
ARG MARKER ROUND
RUN (sleep 1000 &) ; sleep 0.1; echo $ROUND > /last
`;

let builds: TestBuilds;
let archive: string;
let cli: string;

beforeAll(async () => {
  if (whyNoSandbox() !== undefined) return;
  builds = await TestBuilds.create({});
  chmodSync(builds.folder, 0o755);
  archive = join(builds.folder, 'base.tar');
  await builds.run(['save', '-o', archive, 'base']);
  chmodSync(archive, 0o644);
  cli = copyCommand(join(builds.folder, 'command'));
  const files: Record<string, string> = { Dockerfile: DOCKERFILE };
  for (let i = 0; i < FILES; i++) files[`package/${i % 7}/${i}.txt`] = `file ${i}\n`.repeat(i % 50);
  builds.write(files);
});
afterAll(() => builds?.remove());

describe('a build that is killed at any moment leaves a valid store and nothing else', () => {
  test.for(sample(['this user', 'another user with id ranges'], 1))(
    'as %s',
    { timeout: 1_800_000 },
    async (who, ctx) => {
      const why = whyNoSandbox();
      if (why !== undefined) return ctx.skip(why);
      const ids = who === 'this user' ? undefined : otherUser();
      if (typeof ids === 'string') return ctx.skip(ids);
      const folder = join(builds.folder, who.replaceAll(' ', '-'));
      mkdirSync(folder);
      if (ids !== undefined) chownSync(folder, ids.uid, ids.gid);
      const home = join(folder, 'store');
      const mark = marker();
      const changing = join(builds.context, 'package', '0', '0.txt');
      const start = (...args: string[]) =>
        startCommand(args, { home, cwd: folder, cli, ...(ids === undefined ? {} : { ids }) });
      const run = (...args: string[]) => ended(start(...args));
      const build = (round: number) =>
        start(
          'build',
          '--progress=plain',
          `--build-arg=ROUND=${round}`,
          `--build-arg=MARKER=${mark}`,
          builds.context,
        );

      expect(await run('load', '-i', archive)).toMatchObject({ code: 0 });
      const before = performance.now();
      expect(await ended(build(0))).toMatchObject({ code: 0 });
      const length = performance.now() - before;

      const random = randomNumbers(SEED);
      for (let round = 1; round <= ROUNDS; round++) {
        const mode = MODES[Math.floor(random() * MODES.length)]!;
        const after = 20 + random() * length;
        const label = `seed ${SEED}, round ${round}: ${mode} after ${Math.round(after)} of ${Math.round(length)} ms`;
        writeFileSync(changing, label);

        const child = build(round);
        const end = ended(child);
        await sleep(after);
        kill(mode, child.pid!);
        const { code, err } = await end;
        if (mode === 'worker')
          expect({ label, err }).toEqual({ label, err: expect.not.stringMatching(/^ {4}at /m) });
        else if (code !== 0) expect({ label, code }).toEqual({ label, code: null });
        await eventually(`nothing is left (${label})`, () => remains(home, mark).length === 0);

        expect({ label, ...(await run('doctor', '--store')) }).toMatchObject({ label, code: 0, err: '' });
        expect({ label, ...(await ended(build(round))) }).toMatchObject({ label, code: 0 });
        expect({ label, left: readdirSync(join(home, 'tmp')) }).toEqual({ label, left: [] });
        expect({ label, left: remains(home, mark) }).toEqual({ label, left: [] });
        // Now and then from the beginning, so that every step is at work when it happens.
        if (round % 5 === 0)
          expect(await run('builder', 'prune', '--all', '--force')).toMatchObject({ code: 0 });
      }
      expect(await run('doctor', '--store')).toMatchObject({ code: 0, err: '' });
    },
  );
});

function kill(mode: (typeof MODES)[number], control: number): void {
  const workers = childrenOf(control);
  const signal = (pid: number) => {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  };
  if (mode === 'group') signal(-control);
  if (mode === 'control' || mode === 'both') signal(control);
  if (mode === 'worker' || mode === 'both') for (const worker of workers) signal(worker);
}
