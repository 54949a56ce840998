import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import { usageError } from '../errors/error.ts';
import { seconds, size } from '../events/units.ts';
import { writeOutput } from '../export/write-output.ts';
import type { BuildRecord } from '../history/build-record.ts';
import { stateOf, timingsOf } from '../history/find-build.ts';
import { openPage } from '../report/open-page.ts';
import { waterfallPage } from '../timings/waterfall-page.ts';
import { VERSION } from '../version.ts';
import type { Io } from './command.ts';
import { buildFacts } from './print/build-text.ts';

/** Writes the page of a build on record, and shows it in the browser. @throws JettisonError `BUILD_NO_TIMES` */
export async function writeWaterfall(
  build: BuildRecord,
  { output = `build-${build.id}.html`, open }: { output?: string | undefined; open: boolean },
  io: Io,
): Promise<void> {
  const isStream = output === '-';
  if (isStream && open) throw usageError('--open needs a file', 'Name one with --output.');
  const result = `${stateOf(build)} after ${seconds(build.durationMs ?? 0)}`;
  const content = Buffer.from(
    waterfallPage(timingsOf(build), {
      title: build.tags?.[0] ?? `${build.dockerfile} in ${build.context}`,
      facts: [['Build', build.id], ['Result', result], ['Started', build.started], ...buildFacts(build)],
      version: VERSION,
    }),
  );
  const path = resolve(io.cwd, output);
  await writeOutput(isStream ? { stream: io.stdout } : { path }, Readable.from([content]), io.signal);
  if (isStream) return;
  io.stderr.write(`${output}: ${size(content.length)}\n`);
  if (open) await openPage(path, io.env);
}
