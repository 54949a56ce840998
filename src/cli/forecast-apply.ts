import { dirname, join, resolve } from 'node:path';
import { buildTexts } from '../build/build-texts.ts';
import { propose } from '../build/forecast-proposals.ts';
import { type ForecastOptions, openHistory } from '../build/opened-history.ts';
import { ignorePath } from '../context/dockerfile.ts';
import { JettisonError, usageError } from '../errors/error.ts';
import { visible } from '../errors/safe-text.ts';
import { wantsColor } from '../errors/style.ts';
import { createRenderer } from '../events/create-renderer.ts';
import type { BuildEvent } from '../events/event.ts';
import { plural } from '../events/units.ts';
import type { Digest } from '../image/digest.ts';
import { diff } from '../inspect/diff.ts';
import { inspectImages } from '../inspect/inspect-images.ts';
import type { Texts } from '../optimise/rewrite.ts';
import type { Io } from './command.ts';
import { ask } from './confirm.ts';
import { replaceFile } from './replace-file.ts';

/** Maximum number of paths in an error. */
const MOST_PATHS = 8;

/**
 * Applies the proposals to the Dockerfile and its ignore file, if the image stays the same: both are built and compared
 * first.
 *
 * @returns whether anything was written
 * @throws JettisonError `FORECAST_UNEQUAL` when the images differ: nothing is written
 */
export async function applyProposals(
  options: ForecastOptions,
  isConfirmed: boolean,
  io: Io,
): Promise<boolean> {
  if (options.file === '-') {
    throw usageError(
      '--apply has no file to rewrite',
      'Name a Dockerfile with -f: standard input cannot be changed.',
    );
  }
  const { before, after, summaries, name, ignoreName } = await proposed(options);
  if (after === undefined) {
    io.stdout.write('There is nothing to apply.\n');
    return false;
  }
  const what = summaries.map((summary) => `- ${visible(summary)}\n`).join('');
  if (
    !isConfirmed &&
    !(await ask(
      io,
      `${what}Build both and, if the images are equal, rewrite ${name}?`,
      'Add --yes to apply without a question.',
    ))
  )
    return false;
  await prove(options, before, after, io);
  const file = resolve(io.cwd, options.file ?? join(options.context, name));
  if (after.dockerfile !== before.dockerfile) replaceFile(file, after.dockerfile);
  if (after.ignoreText !== before.ignoreText) {
    replaceFile(ignorePath(file, resolve(io.cwd, options.context), ignoreName), after.ignoreText!);
  }
  io.stdout.write(`The images are equal. Applied:\n${what}`);
  return true;
}

async function proposed(options: ForecastOptions) {
  const history = await openHistory(options);
  try {
    const today = await history.today();
    const { proposals, all } = await propose(history, today, await history.forecast(today), options.only);
    const { text, ignoreText, name, ignoreName } = history.text;
    const before: Texts = { dockerfile: text, ignoreText };
    const after: Texts | undefined = all && {
      dockerfile: all.dockerfile,
      ignoreText: all.ignoreText ?? ignoreText,
    };
    return { before, after, name, ignoreName, summaries: proposals.map(({ summary }) => summary) };
  } finally {
    history.close();
  }
}

/** Builds both and compares the images. Paths that differ between two builds of the same Dockerfile are ignored. */
async function prove(options: ForecastOptions, before: Texts, after: Texts, io: Io): Promise<void> {
  const make = (texts: Texts, noCache = false) =>
    made(options, texts, `${texts === after ? 'rewritten' : 'present'} Dockerfile`, noCache, io);
  const original = await make(before);
  const rewritten = await make(after);
  const differing = await differences(original, rewritten, options, io);
  if (differing.length === 0) return;
  const again = await make(before, true);
  const noise = noiseOf(await differences(original, again, options, io));
  const real = differing.filter((path) => !noise(path));
  if (real.length > 0) throw unequal(real);
  io.stderr.write(
    `Not compared: ${plural(differing.length, 'path')} that differ${differing.length === 1 ? 's' : ''} between two builds of the same Dockerfile, too.\n`,
  );
}

async function made(
  { context, target, buildArgs, contexts, platform, env, home, signal }: ForecastOptions,
  texts: Texts,
  label: string,
  noCache: boolean,
  io: Io,
): Promise<Digest> {
  const renderer = await createRenderer('auto', io.stderr, {
    color: wantsColor(io.stderr, io.env),
    env: io.env,
  });
  try {
    const given = { target, buildArgs, contexts, platform, env, home, signal };
    const defined = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
    const onEvent = (event: BuildEvent) => renderer.handle(event);
    const { imageId } = await buildTexts({ context, noCache, ...defined, onEvent }, texts, label);
    return imageId;
  } finally {
    renderer.end();
  }
}

/** Paths, and members of the config, in which two images differ. Times are ignored, as in cache keys. */
async function differences(
  a: Digest,
  b: Digest,
  { home, env, signal }: ForecastOptions,
  io: Io,
): Promise<string[]> {
  if (a === b) return [];
  const places = {
    ...(home === undefined ? {} : { home }),
    env: env ?? io.env,
    cwd: io.cwd,
    signal: signal ?? io.signal,
    remote: false,
    insecure: false,
    platform: undefined,
  };
  return inspectImages([a, b], places, ([one, other]) => {
    const { files, config } = diff(one!, other!);
    const members = config.map(({ key }) => key).filter((key) => key !== 'created');
    return [
      ...files.map(({ path, change }) => (change === 'changed' ? `/${path}` : `/${path} (${change})`)),
      ...members,
    ];
  });
}

/** Whether a path also differs between two builds of the same Dockerfile: itself, or other added or removed names of its folder. */
function noiseOf(paths: readonly string[]): (path: string) => boolean {
  const same = new Set(paths);
  const bare = (path: string) => path.replace(/ \((added|removed)\)$/, '');
  const folders = new Set(paths.filter((path) => bare(path) !== path).map((path) => dirname(bare(path))));
  return (path) => same.has(path) || (bare(path) !== path && folders.has(dirname(bare(path))));
}

function unequal(paths: readonly string[]): JettisonError {
  const shown = paths.slice(0, MOST_PATHS).map(visible).join(', ');
  const more = paths.length > MOST_PATHS ? ` and ${paths.length - MOST_PATHS} more` : '';
  return new JettisonError('FORECAST_UNEQUAL', `the images differ in ${shown}${more}: nothing was changed`, {
    hint: 'Apply a part of the proposals with --only ID.',
  });
}
