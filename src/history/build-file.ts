import { gunzipSync, gzipSync } from 'node:zlib';
import { CAUSE_KINDS } from '../events/cause.ts';
import { isDigest } from '../image/digest.ts';
import type { BuildRecord, BuildStep, LogEntry } from './build-record.ts';
import { invalid, number, objectOf, text, texts } from './imported-members.ts';
import { soundTimings } from './imported-timings.ts';

/** Of a file to import, unpacked. */
const MOST_BYTES = 64 * 1024 * 1024;
const MOST_STEPS = 10_000;
const FORMAT = 'jettison-build';

/** Imported builds are nobody's project: no step is compared with what others wrote. */
const IMPORTED = 'f'.repeat(16);

const STATES = ['ok', 'failed', 'interrupted'] as const;
const OUTCOMES = ['done', 'cached', 'reused', 'failed', 'cancelled'] as const;

/** One build as a file: `{"format":"jettison-build","version":1,"build":{…},"log":[…]}`, compressed by gzip. */
export function packBuild(build: BuildRecord, log: readonly LogEntry[]): Uint8Array {
  const { process: _, ...record } = build;
  return gzipSync(JSON.stringify({ format: FORMAT, version: 1, build: record, log }));
}

/**
 * The build of such a file, which anybody may have written: only members that are as they should be are taken.
 *
 * @throws JettisonError `BUILD_FILE` for any other file
 */
export function unpackBuild(bytes: Uint8Array): { build: BuildRecord; log: LogEntry[] } {
  let value: unknown;
  try {
    value = JSON.parse(gunzipSync(bytes, { maxOutputLength: MOST_BYTES }).toString('utf8'));
  } catch (error) {
    throw invalid('it is not compressed JSON', error);
  }
  const { format, version, build, log } = objectOf(value);
  if (format !== FORMAT) throw invalid('it has another format');
  if (version !== 1) throw invalid('it is of a newer version of Jettison');
  const steps = objectOf(build)['steps'];
  if (!Array.isArray(steps) || steps.length > MOST_STEPS) throw invalid('it has no steps, or too many');
  return {
    build: soundBuild(objectOf(build), steps.map(soundStep)),
    log: Array.isArray(log) ? log.flatMap(soundEntry) : [],
  };
}

function soundBuild(from: Record<string, unknown>, steps: BuildStep[]): BuildRecord {
  const id = text(from['id']);
  const started = text(from['started']);
  if (!/^[0-9a-z]{10}$/.test(id)) throw invalid('the id of its build is none');
  const startedMs = Date.parse(started);
  // A date of the future or of long ago would never be pruned, or at once.
  if (!(startedMs > 0 && startedMs <= Date.now())) throw invalid('the time of its build is none');
  const git = typeof from['git'] === 'object' ? objectOf(from['git']) : {};
  const error = typeof from['error'] === 'object' ? objectOf(from['error']) : undefined;
  const commit = text(git['commit']);
  const timings = soundTimings(from['timings']);
  return {
    version: 1,
    id,
    project: IMPORTED,
    context: text(from['context']),
    dockerfile: text(from['dockerfile']),
    ...(from['target'] === undefined ? {} : { target: text(from['target']) }),
    platforms: texts(from['platforms']),
    started: new Date(startedMs).toISOString(),
    durationMs: number(from['durationMs']),
    state: STATES.find((state) => state === from['state']) ?? 'interrupted',
    ...(error === undefined ? {} : { error: { code: text(error['code']), message: text(error['message']) } }),
    ...(/^[0-9a-f]{40,64}$/.test(commit)
      ? {
          git: {
            commit,
            ...(git['branch'] === undefined ? {} : { branch: text(git['branch']) }),
            ...(typeof git['dirty'] === 'boolean' ? { dirty: git['dirty'] } : {}),
          },
        }
      : {}),
    ...(from['command'] === undefined ? {} : { command: texts(from['command']) }),
    ...(from['tags'] === undefined ? {} : { tags: texts(from['tags']) }),
    ...(isDigest(text(from['imageId'])) ? { imageId: from['imageId'] as `sha256:${string}` } : {}),
    steps,
    ...(timings === undefined ? {} : { timings }),
  };
}

function soundStep(value: unknown): BuildStep {
  const from = objectOf(value);
  const outcome = OUTCOMES.find((one) => one === from['outcome']);
  const why =
    typeof from['why'] === 'object' && from['why'] !== null ? soundWhy(objectOf(from['why'])) : undefined;
  return {
    id: text(from['id']),
    stage: text(from['stage']),
    index: number(from['index']),
    total: number(from['total']),
    title: text(from['title']),
    platform: text(from['platform']),
    ...(from['line'] === undefined ? {} : { line: number(from['line']) }),
    ...(outcome === undefined ? {} : { outcome }),
    ...(from['startedMs'] === undefined ? {} : { startedMs: number(from['startedMs']) }),
    ...(from['durationMs'] === undefined ? {} : { durationMs: number(from['durationMs']) }),
    ...(from['elsewhere'] === true ? { elsewhere: true as const } : {}),
    ...(from['outputBytes'] === undefined ? {} : { outputBytes: number(from['outputBytes']) }),
    ...(why === undefined ? {} : { why }),
  };
}

function soundWhy(from: Record<string, unknown>): NonNullable<BuildStep['why']> {
  const causes = Array.isArray(from['causes']) ? from['causes'].slice(0, 1000) : [];
  const since =
    typeof from['since'] === 'object' && from['since'] !== null ? objectOf(from['since']) : undefined;
  return {
    causes: causes.flatMap((one) => {
      const cause = objectOf(one);
      const at = objectOf(cause['at']);
      const kind = CAUSE_KINDS.find((known) => known === cause['kind']);
      if (kind === undefined) return [];
      return {
        kind,
        name: text(cause['name']),
        ...(cause['was'] === undefined ? {} : { was: text(cause['was']) }),
        ...(cause['now'] === undefined ? {} : { now: text(cause['now']) }),
        ...(cause['place'] === undefined ? {} : { place: text(cause['place']) }),
        at: { stage: text(at['stage']), title: text(at['title']), line: number(at['line']) },
      };
    }),
    ...(since === undefined ? {} : { since: { build: text(since['build']), time: text(since['time']) } }),
    ...(from['follows'] === undefined ? {} : { follows: text(from['follows']) }),
    ...(from['more'] === undefined ? {} : { more: number(from['more']) }),
  };
}

function soundEntry(value: unknown): LogEntry[] {
  const { step, stream, text: said } = objectOf(value);
  if (typeof step !== 'string' || typeof said !== 'string') return [];
  return [{ step, stream: stream === 'stdout' ? 'stdout' : 'stderr', text: said }];
}
