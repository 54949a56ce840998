import { describe, expect, test } from 'vitest';
import { parseBuilder } from '../../src/fleet/builder-address.ts';
import { checkBuilder } from '../../src/fleet/builder-facts.ts';
import { DOCKERS } from '../support/peers.ts';

/** Engines with the containerd image store, whose BuildKit returns images: addresses with spaces between. */
const BUILDERS = process.env['JETTISON_PEER_BUILDERS']?.split(' ');

describe('BuildKit in an engine', () => {
  const check = (text: string) => {
    const { signal } = new AbortController();
    const [address] = parseBuilder(text, { env: process.env, cwd: '/', signal });
    return checkBuilder(address!, signal);
  };

  test('solves a small build and returns its image', async (ctx) => {
    if (BUILDERS === undefined) ctx.skip('JETTISON_PEER_BUILDERS names no builder');
    for (const builder of BUILDERS!) {
      expect(await check(builder)).toMatchObject([{ ok: true }, { ok: true }, { name: 'images', ok: true }]);
    }
  });

  test('without the containerd image store is refused with the setting that helps', async (ctx) => {
    const socket = /^unix:\/\/(.+)$/.exec(DOCKERS[0] ?? '')?.[1];
    if (socket === undefined) ctx.skip('there is no Docker engine');
    const checks = await check(`docker://${socket}`);
    const images = checks.find(({ name }) => name === 'images');
    if (images?.ok === true) ctx.skip('the engine has the containerd image store');
    expect(images).toMatchObject({ ok: false, hint: expect.stringContaining('containerd-snapshotter') });
  });
});
