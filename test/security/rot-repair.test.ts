import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectClear, orError, ROT_DOCKERFILE, ROT_KINDS, RotBuilds } from '../support/rot.ts';
import { whyNoSandbox } from '../support/sandbox.ts';
import { sample } from '../support/thorough.ts';

const why = whyNoSandbox();
let rot: RotBuilds;

beforeAll(async () => {
  if (why === undefined) rot = await RotBuilds.create();
});
afterAll(() => rot?.remove());

describe.skipIf(why)('doctor --store', () => {
  it.each(sample(ROT_KINDS, 4))('finds and repairs damaged %s', async (kind) => {
    await rot.eachRound(kind, async ({ home, how, label }) => {
      const { sound, digest } = rot;
      const doctor = await sound.command(['doctor', '--store'], { home });
      // What is gone leaves no trace, where the store works without it; the worker writes rungs.json again.
      if (kind !== 'rungs.json' && how !== 'delete') {
        expect(doctor.code, `${label}\n${doctor.out}`).toBe(1);
      }
      const mended = await sound.command(['doctor', '--store', '--repair'], { home });
      expectClear(0, mended.err);
      const rebuilt = await orError(() => sound.build(ROT_DOCKERFILE, { home, reproducible: true }));
      expect(rebuilt?.digest ?? digest, label).toBe(digest);
      if (mended.code === 0) {
        // A name that is gone has been removed, for all that the store knows: the base may have to be pulled again.
        if (kind !== 'images' || how !== 'delete') expect(rebuilt, label).toBeDefined();
        const deep = await sound.command(['doctor', '--store', '--deep'], { home });
        expect(deep, label).toMatchObject({ code: 0 });
      }
    });
  });
});
