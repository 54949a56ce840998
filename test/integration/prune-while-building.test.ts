import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Ended, TestBuilds } from '../support/build.ts';
import { whyNoSandbox } from '../support/sandbox.ts';

/** How many builds each of three builders makes. */
const ROUNDS = Number(process.env['JETTISON_PRUNE_ROUNDS'] ?? 2);

const LISTS = [['images'], ['du'], ['ps', '-a'], ['builds', 'ls'], ['builds', 'ls', '--json']];
const LOOKS = [
  ['builds', 'show'],
  ['builds', 'logs'],
  ['why-ran'],
  ['why-ran', '--json'],
  ['history', 'a:1'],
  ['inspect', 'a:1'],
];
const GONE = /^error: (there is no (image|build)|no build|unknown image)/;

let builds: TestBuilds;
beforeEach(async (ctx) => {
  const why = whyNoSandbox();
  if (why !== undefined) return ctx.skip(why);
  builds = await TestBuilds.create({});
});
afterEach(() => builds?.remove());

/** The first steps are everybody's, the last one is this build's own. */
const dockerfile = (own: string) => `FROM scratch AS files
COPY files /files
FROM scratch AS root
ADD base.tar /
FROM root AS shared
ENV PATH=/bin
RUN echo shared >/shared
COPY --from=files /files /files
RUN --mount=type=cache,target=/cache cat /files/* >/all && touch /cache/used
FROM shared
RUN echo ${own} >/own && cat /all
`;

it('builds, runs and lists succeed while everything is pruned again and again', async () => {
  for (let i = 0; i < 20; i++) builds.write({ [`files/${i}`]: `${i}\n` });
  const tar = join(builds.context, 'base.tar');
  expect(
    await builds.run(['build', '-o', `type=tar,dest=${tar}`, '-f', '-', builds.context], {
      stdin: 'FROM base\n',
    }),
  ).toMatchObject({ code: 0 });

  let building = true;
  const failed: Ended[] = [];
  const must = async (args: string[], options: { stdin?: string } = {}) => {
    const ended = await builds.run(args, options);
    if (ended.code !== 0) failed.push(ended);
    return ended;
  };
  async function builder(name: string): Promise<void> {
    for (let round = 0; round < ROUNDS; round++) {
      const out = join(builds.folder, `${name}.tar`);
      const output = ['-o', 'type=image', '-o', `type=docker,dest=${out}`];
      await must(['build', '-t', `${name}:1`, ...output, '-f', '-', builds.context], {
        stdin: dockerfile(`${name} ${round}`),
      });
      expect(readFileSync(out).byteLength).toBeGreaterThan(100_000);
      // What was built may be pruned already; what was saved stays.
      await must(['load', '-i', out]);
      const { code, out: text, err } = await builds.run(['run', '--rm', `${name}:1`, 'cat', '/own', '/all']);
      if (code === 0) expect(text).toMatch(new RegExp(`^${name} ${round}\n0\n`));
      else expect(err).toMatch(/there is no image/);
    }
  }
  async function readers(): Promise<void> {
    while (building) for (const command of LISTS) await must(command);
  }
  /** Commands that read what may be gone the next moment, and hold no lease. */
  async function lookers(): Promise<void> {
    while (building) {
      for (const command of LOOKS) {
        const ended = await builds.run(command);
        if (ended.code !== 0 && !GONE.test(ended.err)) failed.push(ended);
      }
    }
  }
  let pruned = 0;
  async function pruner(): Promise<void> {
    while (building) {
      await must(['prune', '-a', '--force']);
      pruned++;
    }
  }
  const others = [readers(), lookers(), pruner()];
  await Promise.all(['a', 'b', 'c'].map(builder)).finally(() => {
    building = false;
  });
  await Promise.all(others);
  expect(failed).toEqual([]);
  expect(pruned).toBeGreaterThan(1);
  expect(await builds.run(['doctor', '--store'])).toMatchObject({ code: 0, err: '' });
});
