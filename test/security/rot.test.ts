import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectClear, orError, ROT_DOCKERFILE, ROT_KINDS, ROT_ROUNDS, RotBuilds } from '../support/rot.ts';
import { whyNoSandbox } from '../support/sandbox.ts';

const why = whyNoSandbox();
/** Stands on the same layers, and prints all of their files. */
const ON_TOP = `${ROT_DOCKERFILE}RUN cat /out/sum /out/a.txt /again /usr/a\n`;
const PRINTED = 'aaaabbbbaaaaaaaabbbba';
const COMMANDS = ['images', 'du', 'prune -f', 'history app', 'inspect app', 'run --rm app cat /again'];

let rot: RotBuilds;
let archive: string;

beforeAll(async () => {
  if (why !== undefined) return;
  rot = await RotBuilds.create();
  archive = (await rot.saved(rot.sound.home, join(rot.sound.folder, 'sound.tar')))!;
});
afterAll(() => rot?.remove());

describe.skipIf(why)('a store with a damaged file', () => {
  it.each(ROT_KINDS)('%s gives the right image, or a clear error', async (kind) => {
    await rot.eachRound(kind, async ({ folder, home, label, again }) => {
      const { sound, digest } = rot;
      const options = { home, reproducible: true };
      expect((await rot.saved(home, join(folder, 'a.tar'))) ?? archive, label).toBe(archive);
      const cached = await orError(() => sound.build(ROT_DOCKERFILE, options));
      expect(cached?.digest ?? digest, label).toBe(digest);
      again();
      const printed = await orError(() => sound.build(ON_TOP, options));
      expect(printed?.output ?? PRINTED, label).toBe(PRINTED);
      again();
      // Two of them, by turns, unless many rounds are asked for.
      const first = ROT_KINDS.indexOf(kind) * 2;
      const commands =
        ROT_ROUNDS > 1 ? COMMANDS : [0, 1].map((n) => COMMANDS[(first + n) % COMMANDS.length]!);
      for (const command of commands) {
        const { code, out, err } = await sound.command(command.split(' '), { home });
        expectClear(code, err);
        if (code === 0 && command.startsWith('run')) expect(out, label).toBe('aaaabbbb');
      }
    });
  });
});
