import { plural, size } from '../../events/units.ts';
import { BuildStore } from '../../history/build-store.ts';
import { cacheDirectory, listCaches } from '../../store/cache-mounts.ts';
import { failureDirectory, listFailures } from '../../store/failures.ts';
import { openStore, type Store } from '../../store/store.ts';
import { type Holder, storeUsage } from '../../store/usage.ts';
import { defineCommand } from '../command.ts';
import { listFlags } from '../flags/common.ts';
import { age } from '../print/docker-units.ts';
import { type List, printList } from '../print/list-output.ts';

/** The name of each holder, and the command that frees its space; absent: it is in use. */
const HOLDERS: Record<
  Holder | 'cache mount' | 'failed step' | 'build record',
  { type: string; why: string; free?: string }
> = {
  image: { type: 'Images', why: 'parts of images that have a name' },
  'nameless image': { type: 'Images without a name', why: 'no name leads to them', free: 'jettison prune' },
  container: { type: 'Containers', why: 'containers stand on them' },
  'build cache': {
    type: 'Build cache',
    why: 'steps that the next build may reuse',
    free: 'jettison builder prune --all',
  },
  'cache mount': {
    type: 'Cache mounts',
    why: 'what RUN --mount=type=cache keeps',
    free: 'jettison prune --cache-mounts',
  },
  'failed step': {
    type: 'Failed steps',
    why: 'what failed RUNs left, for jettison debug',
    free: 'jettison prune',
  },
  'build record': {
    type: 'Builds on record',
    why: 'for why-ran, builds and the times of forecast',
    free: 'jettison builder prune --all',
  },
  nothing: { type: 'Unused', why: 'what they were made for is gone', free: 'jettison prune' },
};

type Usage = {
  id: string;
  kind: string;
  size: number;
  holder: keyof typeof HOLDERS;
  usedMs?: number;
  title?: string;
  /** How many things it stands for; default: one. */
  count?: number;
};

/** The builds on record, which share the facts of their steps, as one. */
function buildRecords({ layout }: Store): Usage[] {
  const builds = new BuildStore(layout);
  const count = builds.names().length;
  const bytes = builds.size();
  if (count === 0 && bytes === 0) return [];
  const title = `${plural(count, 'build')} on record`;
  return [{ id: 'builds', kind: 'builds', size: bytes, holder: 'build record', title, count }];
}

/** Cache mounts and failed steps, which only the worker can measure. */
async function onlyForWorker(store: Store): Promise<Usage[]> {
  const { layout } = store;
  const caches = listCaches(layout).map(({ name, record, usedMs }) => ({
    folder: cacheDirectory(layout, name),
    facts: { id: name, kind: 'cache mount', holder: 'cache mount' as const, usedMs, title: record.id },
  }));
  const failures = listFailures(layout).flatMap(({ id, title, created }) => {
    const folder = failureDirectory(layout, id);
    const facts = { id, kind: 'failed', holder: 'failed step' as const, usedMs: Date.parse(created), title };
    return folder === undefined ? [] : [{ folder, facts }];
  });
  const all = [...caches, ...failures];
  if (all.length === 0) return [];
  const { startWorker } = await import('../../host/client.ts');
  const worker = await startWorker({ home: layout.home });
  try {
    const sizes = await worker.measure({ folders: all.map(({ folder }) => folder) });
    return all.map(({ facts }, i) => ({ ...facts, size: sizes[i]! }));
  } finally {
    await worker.close();
  }
}

function factsOf({ usedMs, ...one }: Usage) {
  return {
    ...one,
    reclaimable: HOLDERS[one.holder].free !== undefined,
    ...(usedMs === undefined ? {} : { lastUsed: new Date(usedMs).toISOString() }),
  };
}

function summary(usage: Usage[]): Omit<List, 'facts'> {
  const rows = Object.entries(HOLDERS).flatMap(([holder, { type, why, free }]) => {
    const own = usage.filter((one) => one.holder === holder);
    if (own.length === 0 && holder !== 'image' && holder !== 'build cache') return [];
    const total = own.reduce((sum, one) => sum + one.size, 0);
    return [
      {
        Type: type,
        TotalCount: String(own.reduce((sum, { count = 1 }) => sum + count, 0)),
        Size: size(total),
        Reclaimable: size(free === undefined ? 0 : total),
        With: free ?? '-',
        Why: why,
      },
    ];
  });
  return {
    columns: [
      ['Type', 'TYPE'],
      ['TotalCount', 'TOTAL'],
      ['Size', 'SIZE'],
      ['Reclaimable', 'RECLAIMABLE'],
      ['With', 'WITH'],
      ['Why', 'WHY'],
    ],
    rows,
    shrink: [],
    optional: 'Why',
  };
}

function everything(usage: Usage[]): Omit<List, 'facts'> {
  return {
    columns: [
      ['ID', 'ID'],
      ['Kind', 'KIND'],
      ['Size', 'SIZE'],
      ['LastUsed', 'LAST USED'],
      ['Reclaimable', 'RECLAIMABLE'],
      ['Of', 'OF'],
    ],
    rows: usage
      .sort((a, b) => b.size - a.size)
      .map(({ id, kind, size: bytes, holder, usedMs, title }) => ({
        ID: id.replace(/^sha256:/, '').slice(0, 12),
        Kind: kind,
        Size: size(bytes),
        LastUsed: usedMs === undefined ? '-' : age(new Date(usedMs).toISOString()),
        Reclaimable: String(HOLDERS[holder].free !== undefined),
        Of: title ?? holder,
      })),
    shrink: ['OF'],
  };
}

export const command = defineCommand({
  usage: 'jettison du [OPTIONS]',
  about: 'Shows disk usage of the store: how much of it can be freed, by which command, and why it is kept.',
  flags: {
    ...listFlags('{{.Type}} {{.Size}}'),
    verbose: { short: 'v', help: 'Every layer and blob instead of a summary, largest first' },
  },
  async run({ flags, io }) {
    const store = openStore({ env: io.env });
    const usage = [...storeUsage(store), ...(await onlyForWorker(store)), ...buildRecords(store)];
    store.close();
    printList(
      io,
      { ...(flags.verbose ? everything(usage) : summary(usage)), facts: usage.map(factsOf) },
      flags,
    );
    return 0;
  },
});
