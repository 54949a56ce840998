import type { Plan, Step } from '../plan/plan.ts';
import type { CommitContext } from './commit-context.ts';
import { contextReadersOf } from './data-flow.ts';
import { percentile, type RebuildTime, rebuildTime, type StepTime } from './rebuild-time.ts';
import type { ReplayedBuild } from './replay.ts';

/** More changed files of a commit than these are not looked at: it changed everything. */
const MOST_FILES = 500;

/** A file that made steps run. */
export interface FileCause {
  path: string;
  /** Commits in which it was among what made something run. */
  commits: number;
  /** Those in which it was all that did. */
  alone: number;
  /** Steps that ran in these commits because of it and others. */
  runs: number;
}

/** One instruction over all commits. */
export interface StepForecast {
  stage: string;
  title: string;
  line: number;
  kind: Step['kind'];
  /** Commits in which it would have run, if commands make something else of other inputs. */
  runs: number;
  /** The same if they make the same again. */
  runsAtLeast: number;
  /** Milliseconds of one run; absent when it never ran here. */
  ms?: number;
  /** What changed most often when it ran. */
  files: { path: string; commits: number }[];
}

export interface Forecast {
  /** How many commits were built. */
  commits: number;
  /** Commits that cannot be built like this, and why. */
  failed: { commit: string; message: string }[];
  steps: StepForecast[];
  rebuild: {
    /** Commits that made nothing run. */
    nothing: number;
    /** Milliseconds, of those instructions whose times are known. */
    expectedMs: number;
    p90Ms: number;
    /** Instructions that would run and never ran here: they are not in the times. */
    unknown: { stage: string; title: string; line: number }[];
  };
  /** Most runs first. */
  files: FileCause[];
}

/** The builds of a commit under both assumptions about what commands make. */
export interface CommitBuild {
  commit: string;
  changed: ReplayedBuild;
  same: ReplayedBuild;
}

/** Names of a plan's steps, by their ids: an instruction has the same name in the plans of all commits that have it. */
function stepNames({ stages }: Plan): Map<string, string> {
  const counts = new Map<string, number>();
  return new Map(
    stages.flatMap((stage) =>
      stage.steps.map(({ id, title }) => {
        const name = `${stage.name}\0${title}`;
        const count = counts.get(name) ?? 0;
        counts.set(name, count + 1);
        return [id, `${name}\0${count}`] as const;
      }),
    ),
  );
}

interface Row {
  runs: number;
  runsAtLeast: number;
  files: Map<string, number>;
}

/**
 * Counts what the builds of a history did.
 *
 * @param plan of today: its instructions are the rows
 * @param builds oldest first; the first one only fills the store
 */
export function summarize(plan: Plan, builds: readonly CommitBuild[], time: StepTime): Forecast {
  const rows = new Map<string, Row>();
  const files = new Map<string, FileCause>();
  const times: RebuildTime[] = [];
  const failed: Forecast['failed'] = [];
  let before: ReplayedBuild | undefined;
  let nothing = 0;
  for (const { commit, changed, same } of builds) {
    if (changed.error !== undefined) {
      failed.push({ commit, message: changed.error.message });
      continue;
    }
    if (before !== undefined) {
      count(changed, same, before, rows, files);
      times.push(rebuildTime(changed.plan, runsIn(changed), time));
      if ([...changed.steps.values()].every(({ outcome }) => outcome !== 'done')) nothing++;
    }
    before = changed;
  }
  const unknown = new Map(times.flatMap((one) => one.unknown).map((step) => [step.id, step]));
  const ms = times.map((one) => one.ms);
  return {
    commits: times.length,
    failed,
    steps: stepsOf(plan, rows, time),
    rebuild: {
      nothing,
      expectedMs: ms.length === 0 ? 0 : ms.reduce((sum, one) => sum + one, 0) / ms.length,
      p90Ms: percentile(ms, 0.9),
      unknown: [...unknown.values()].map(({ id, title, location }) => ({
        stage: stageOf(id),
        title,
        line: location.line,
      })),
    },
    files: [...files.values()].sort(
      (a, b) => b.runs - a.runs || b.commits - a.commits || (a.path < b.path ? -1 : 1),
    ),
  };
}

function runsIn({ steps }: ReplayedBuild): (step: Step) => boolean {
  return ({ id }) => steps.get(id)?.outcome === 'done';
}

function count(
  build: ReplayedBuild,
  same: ReplayedBuild,
  before: ReplayedBuild,
  rows: Map<string, Row>,
  files: Map<string, FileCause>,
): void {
  const readers = contextReadersOf(build.plan);
  const changes = new Map<string, string[]>();
  const changesOf = (reader: string) => {
    let found = changes.get(reader);
    if (found === undefined) {
      const roots = new Set([...(build.reads.get(reader) ?? []), ...(before.reads.get(reader) ?? [])]);
      found = changedFiles(build.context, before.context, [...roots]);
      changes.set(reader, found);
    }
    return found;
  };
  const names = stepNames(build.plan);
  const runs = new Map<string, number>();
  for (const { step, outcome } of build.steps.values()) {
    const row = rowOf(rows, names.get(step.id)!);
    if (same.steps.get(step.id)?.outcome === 'done') row.runsAtLeast++;
    if (outcome !== 'done') continue;
    row.runs++;
    for (const path of new Set([...(readers.get(step.id) ?? [])].flatMap(changesOf))) {
      row.files.set(path, (row.files.get(path) ?? 0) + 1);
      runs.set(path, (runs.get(path) ?? 0) + 1);
    }
  }
  for (const [path, number] of runs) {
    const cause = files.get(path) ?? { path, commits: 0, alone: 0, runs: 0 };
    cause.commits++;
    cause.runs += number;
    if (runs.size === 1) cause.alone++;
    files.set(path, cause);
  }
}

function changedFiles(now: CommitContext, before: CommitContext, roots: readonly string[]): string[] {
  return now
    .changedSince(before, roots, MOST_FILES)
    .map((path) => (path.startsWith('.git/') ? '.git' : path));
}

function rowOf(rows: Map<string, Row>, name: string): Row {
  let row = rows.get(name);
  if (row === undefined) {
    row = { runs: 0, runsAtLeast: 0, files: new Map() };
    rows.set(name, row);
  }
  return row;
}

function stepsOf(plan: Plan, rows: Map<string, Row>, time: StepTime): StepForecast[] {
  const names = stepNames(plan);
  return plan.stages.flatMap((stage) =>
    stage.steps.map((step): StepForecast => {
      const row = rowOf(rows, names.get(step.id)!);
      const ms = time(step);
      const { runs, runsAtLeast } = row;
      const files = [...row.files].map(([path, commits]) => ({ path, commits }));
      return {
        stage: stage.name,
        title: step.title,
        line: step.location.line,
        kind: step.kind,
        runs,
        runsAtLeast: Math.min(runs, runsAtLeast),
        ...(ms === undefined ? {} : { ms }),
        files: files.sort((a, b) => b.commits - a.commits || (a.path < b.path ? -1 : 1)).slice(0, 5),
      };
    }),
  );
}

/** The stage in a step's id: `build/3`. */
function stageOf(id: string): string {
  return id.slice(0, id.lastIndexOf('/'));
}
