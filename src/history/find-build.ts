import { JettisonError } from '../errors/error.ts';
import type { BuildTimings } from '../events/timings.ts';
import { isAlive } from '../store/process-identity.ts';
import type { BuildRecord, BuildState } from './build-record.ts';
import type { BuildName, BuildStore } from './build-store.ts';

/** How a build ended: one whose process is gone without a word was interrupted. */
export function stateOf({ state, process, started }: BuildRecord): BuildState {
  if (state !== 'running') return state;
  return process !== undefined && isAlive(process, Date.parse(started)) ? 'running' : 'interrupted';
}

/** The name of a build: its id, or the beginning of it; without one that of the latest. @throws JettisonError `BUILD_UNKNOWN` */
export function findBuildName(store: BuildStore, id: string | undefined): BuildName {
  const names = store.names();
  const found = id === undefined ? names.slice(0, 1) : names.filter((one) => one.id.startsWith(id));
  if (found.length === 1) return found[0]!;
  throw new JettisonError(
    'BUILD_UNKNOWN',
    id === undefined
      ? 'no build is on record'
      : `${found.length === 0 ? 'no build' : `more than one build`} on record begins with "${id}"`,
    { hint: '`jettison builds ls` lists them.' },
  );
}

/** @throws JettisonError `BUILD_UNKNOWN`, `BUILD_DAMAGED` */
export function findBuild(store: BuildStore, id: string | undefined): BuildRecord {
  const name = findBuildName(store, id);
  const build = store.read(name);
  if (build !== undefined) return build;
  throw new JettisonError('BUILD_DAMAGED', `the record of the build ${name.id} is damaged`, {
    hint: `\`jettison builds rm ${name.id}\` removes it.`,
  });
}

/** Where the time of a build went. @throws JettisonError `BUILD_NO_TIMES` */
export function timingsOf({ id, timings, ...build }: BuildRecord): BuildTimings {
  if (timings !== undefined) return timings;
  const state = stateOf({ id, ...build });
  const hint =
    state === 'running'
      ? 'Ask again when it is over.'
      : state === 'interrupted'
        ? 'It was killed, or interrupted: `jettison builds show` has what is known of it.'
        : 'It is a build of an earlier version, or an imported one whose times are invalid.';
  throw new JettisonError('BUILD_NO_TIMES', `no times of the build ${id} are on record`, { hint });
}
