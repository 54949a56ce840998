import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type ContainerPlan,
  createContainer,
  findContainer,
  isLive,
  listContainers,
  statusOf,
} from '../../../src/run/container.ts';
import { removeContainer } from '../../../src/run/stop.ts';
import { processIdentity } from '../../../src/store/process-identity.ts';
import { makeStore, type TestStore } from '../../support/images.ts';

let test: TestStore;
beforeEach(() => {
  test = makeStore();
});
afterEach(() => test.remove());

/** A process of this number that started at another time. */
const DEAD = processIdentity.replace(/-\d+-/, '-1-');

function plan(more: Partial<ContainerPlan> = {}): Omit<ContainerPlan, 'id' | 'name' | 'created'> {
  return {
    image: 'app',
    imageId: 'sha256:0',
    manifest: { mediaType: '', digest: 'sha256:0', size: 0 },
    detached: true,
    autoRemove: false,
    ports: [],
    stopSignal: 'SIGTERM',
    stopTimeout: 10,
    request: {
      process: { args: ['x'], env: [], cwd: '/', user: '' },
      mounts: [],
      network: 'host',
    },
    ...more,
  };
}

const code = (name: string) => expect.objectContaining({ code: name });
const alive = () => test.store.containers;

describe('containers', () => {
  it('are found by name, id and the beginning of an id', () => {
    const { id } = createContainer(test.store, plan(), 'one');
    createContainer(test.store, plan(), undefined);
    for (const text of ['one', id, id.slice(0, 12)])
      expect(findContainer(test.store, text).config.id).toBe(id);
    expect(() => findContainer(test.store, 'two')).toThrow(code('CONTAINER_UNKNOWN'));
    expect(() => findContainer(test.store, '')).toThrow(code('CONTAINER_UNKNOWN'));
  });

  it('have names of their own', () => {
    createContainer(test.store, plan(), 'one');
    expect(() => createContainer(test.store, plan(), 'one')).toThrow(code('CONTAINER_NAME'));
    expect(() => createContainer(test.store, plan(), 'a b')).toThrow(code('CONTAINER_NAME'));
    expect(listContainers(test.store)).toHaveLength(1);
    const names = Array.from({ length: 50 }, () => createContainer(test.store, plan(), undefined).name);
    expect(new Set(names).size).toBe(50);
  });

  it('are dead when their supervisor is gone', () => {
    const { id } = createContainer(test.store, plan(), 'one');
    expect(statusOf(findContainer(test.store, id))).toBe('created');
    alive().setState(id, { status: 'running', supervisor: DEAD, layers: ['l'] });
    expect(statusOf(findContainer(test.store, id))).toBe('dead');
    expect(isLive(findContainer(test.store, id))).toBe(false);
    expect(alive().layersInUse().size).toBe(0);
  });

  it('that nobody keeps are swept when they are dead', () => {
    const { id } = createContainer(test.store, plan({ autoRemove: true }), 'one');
    expect(listContainers(test.store)).toHaveLength(1);
    alive().setState(id, { status: 'running', supervisor: DEAD });
    expect(listContainers(test.store)).toHaveLength(0);
    expect(existsSync(alive().folder(id))).toBe(false);
  });

  it('keep their layers while they live', () => {
    const { id } = createContainer(test.store, plan(), 'one');
    const { supervisor } = findContainer(test.store, id).state;
    alive().setState(id, { status: 'running', supervisor, layers: ['a', 'b'] });
    expect([...alive().layersInUse()]).toEqual(['a', 'b']);
    alive().setState(id, { status: 'exited', supervisor, layers: ['a', 'b'], exitCode: 0 });
    expect(alive().layersInUse().size).toBe(0);
  });

  it('are not removed while they live', async () => {
    const { id } = createContainer(test.store, plan(), 'one');
    await expect(removeContainer(test.store, findContainer(test.store, id), false)).rejects.toThrow(
      code('CONTAINER_RUNNING'),
    );
    const { supervisor } = findContainer(test.store, id).state;
    alive().setState(id, { status: 'exited', supervisor, exitCode: 0 });
    await removeContainer(test.store, findContainer(test.store, id), false);
    expect(listContainers(test.store)).toEqual([]);
  });

  it('whose files are damaged are no containers', () => {
    const { id } = createContainer(test.store, plan(), 'one');
    writeFileSync(join(alive().folder(id), 'state.json'), '{');
    expect(listContainers(test.store)).toEqual([]);
  });
});
