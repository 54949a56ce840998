import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import type { RuntimeConfig } from '../../src/image/types.ts';
import { TestBuilds } from './build.ts';
import { openSandbox } from './sandbox.ts';

/**
 * Makes builds for all tests of a file. The tests are skipped where no sandbox can be opened.
 *
 * @param use is given the builds before the first test
 * @param options.config of the image `base`; without it the store has none
 * @param options.node whether the store has an image called `node`
 */
export function withSandboxedBuilds(
  use: (builds: TestBuilds) => void,
  { config, node = false }: { config?: RuntimeConfig; node?: boolean } = {},
): void {
  let builds: TestBuilds | undefined;
  let why: string | undefined;
  beforeAll(async () => {
    const sandbox = await openSandbox();
    if (typeof sandbox === 'string') {
      why = sandbox;
      return;
    }
    await sandbox.close();
    builds = await TestBuilds.create(config);
    use(builds);
    if (!node) return;
    const base = await builds.run(['base', 'host', '--slim', '-t', 'node']);
    expect(base).toMatchObject({ code: 0 });
  });
  afterAll(() => builds?.remove());
  beforeEach((ctx) => {
    if (why !== undefined) ctx.skip(why);
  });
}
