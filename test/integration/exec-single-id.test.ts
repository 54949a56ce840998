import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { LayerIndex } from '../../src/layer/layer-index.ts';
import { openSandbox, TestSandbox } from '../support/sandbox.ts';

let sandbox: TestSandbox | string;

beforeAll(async () => {
  sandbox = await openSandbox({ isolation: 'single' });
});
afterAll(async () => {
  if (sandbox instanceof TestSandbox) await sandbox.close();
});
beforeEach((ctx) => {
  if (typeof sandbox === 'string') ctx.skip(sandbox);
});

it('with a single id, changed files keep their owner of the image', async () => {
  const { base, test, worker } = sandbox as TestSandbox;
  expect(worker.unable).toBeUndefined();
  const { layer } = await (sandbox as TestSandbox).run('chmod 700 /home/node && echo x > /new', {
    commit: 'single',
    layers: [base],
  });
  const index = LayerIndex.parse(readFileSync(test.store.layout.layerIndex(layer!.id)));
  expect(index.get('home/node')).toMatchObject({ mode: 0o700, uid: 1000, gid: 1000 });
  expect(index.get('new')).toMatchObject({ uid: 0, gid: 0 });
});
