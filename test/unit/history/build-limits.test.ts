import { closeSync, ftruncateSync, openSync, readdirSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { pruneBuilds, trimBuilds, trimSize } from '../../../src/history/build-limits.ts';
import type { BuildRecord } from '../../../src/history/build-record.ts';
import { BuildStore } from '../../../src/history/build-store.ts';
import type { StepFacts } from '../../../src/history/step-facts.ts';
import { digestOf } from '../../../src/image/digest.ts';
import { openStore } from '../../../src/store/store.ts';
import { tempDir } from '../../support/temp-dir.ts';

const DAY = 24 * 60 * 60 * 1000;
const NOW = Date.now();

describe('the limits of builds on record', () => {
  let store: BuildStore;
  let folder: string;

  beforeEach(() => {
    const { layout } = openStore({ home: join(tempDir(), 'store') });
    store = new BuildStore(layout);
    store.prepare();
    folder = layout.builds;
  });

  /** Puts a build of one step on record, with a log. @returns its id */
  function add(number: number, ageMs: number, project = 'a'): string {
    const id = String(number).padStart(10, 'b');
    const definition = digestOf(`step ${number}`);
    const step = {
      id: 'app/1',
      stage: 'app',
      index: 1,
      total: 1,
      title: 'WORKDIR /',
      platform: 'linux/amd64',
    };
    const record: BuildRecord = {
      ...{ version: 1, id, project: project.repeat(16), context: '/c', dockerfile: 'Dockerfile' },
      ...{ platforms: ['linux/amd64'], state: 'ok', steps: [{ ...step, definition }] },
      started: new Date(NOW - ageMs).toISOString(),
    };
    store.write(record);
    store.putLog(id, [{ step: 'app/1', stream: 'stdout', text: `output of ${id}` }]);
    store.putFacts({ definition, files: [] } as unknown as StepFacts);
    return id;
  }

  const ids = () => store.names().map(({ id }) => id);
  const files = (name: string) => readdirSync(join(folder, name));

  /** Makes all files of a folder older than the time that a running build has. */
  function age(name: string): void {
    for (const file of files(name)) utimesSync(join(folder, name, file), 1e9, 1e9);
  }

  it('are an age of 90 days', () => {
    const kept = [add(1, 89 * DAY), add(2, 1000)];
    const old = add(3, 91 * DAY);
    age('steps');
    trimBuilds(store, NOW);
    expect(ids().toSorted()).toEqual(kept.toSorted());
    expect([store.log(old), store.log(kept[0]!)?.[0]?.text]).toEqual([undefined, `output of ${kept[0]}`]);
    expect(files('steps')).toHaveLength(2);
  });

  it('are a number of 500, the oldest go first', () => {
    for (let i = 0; i < 525; i++) add(i, i * 1000);
    trimBuilds(store, NOW);
    expect(ids()).toHaveLength(500);
    expect(ids()[499]).toBe(String(499).padStart(10, 'b'));
    expect(files('logs')).toHaveLength(500);
    // A few more are not worth a sweep.
    for (let i = 600; i < 610; i++) add(i, 0);
    trimBuilds(store, NOW);
    expect(ids()).toHaveLength(510);
  });

  it('are 256 MB of disk, the oldest go first', () => {
    for (let i = 0; i < 8; i++) add(i, i * 1000);
    trimSize(store);
    expect(ids()).toHaveLength(8);
    const log = openSync(join(folder, 'logs', `${String(6).padStart(10, 'b')}.gz`), 'r+');
    ftruncateSync(log, 257 * 1024 * 1024);
    closeSync(log);
    trimSize(store);
    expect(ids()).toEqual([0, 1, 2, 3].map((number) => String(number).padStart(10, 'b')));
    expect(store.size()).toBeLessThan(1024 * 1024);
  });

  it('spare what a running build has written and not named yet, except in pruning', () => {
    add(1, 91 * DAY);
    const kept = add(2, 0);
    trimBuilds(store, NOW);
    expect(ids()).toEqual([kept]);
    expect(files('steps')).toHaveLength(2);
    add(3, 2 * DAY);
    pruneBuilds(store, NOW - DAY);
    expect(files('steps')).toHaveLength(1);
  });

  it('are an age that pruning gives: it counts what it frees, and notes the stages of projects that are gone', () => {
    add(1, 5 * DAY);
    const kept = add(2, 0);
    add(3, 5 * DAY, 'c');
    const before = store.size();
    const { builds, bytes } = pruneBuilds(store, NOW - DAY);
    expect([builds, bytes, ids()]).toEqual([2, before - store.size(), [kept]]);
    expect(bytes).toBeGreaterThan(0);
    expect([store.prunedStages('a'.repeat(16)), store.prunedStages('c'.repeat(16))]).toEqual([[], ['app']]);
    expect(pruneBuilds(store, NOW - DAY)).toEqual({ builds: 0, bytes: 0 });
  });
});
