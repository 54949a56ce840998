import { rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type BuildOptions, type BuildResult, build } from '../../build/build.ts';
import { hasKeptFailure } from '../../build/cancellation.ts';
import { EXIT, JettisonError, usageError } from '../../errors/error.ts';
import { renderError } from '../../errors/render.ts';
import { wantsColor } from '../../errors/style.ts';
import { createRenderer } from '../../events/create-renderer.ts';
import type { Command, Io } from '../command.ts';
import { BUILD_FLAGS, parseBuildCommand } from '../flags/build-flags.ts';
import { outputOf } from '../flags/output.ts';
import { debugHint, failedCommand, recordedLine, withHint } from '../print/failed-command.ts';

const USAGE = 'jettison build [OPTIONS] PATH|URL|-';

export const command: Command = {
  usage: USAGE,
  about: `Builds an image from a Dockerfile and the files in the directory PATH. PATH may also be a tar archive; a URL
names a git repository (https://host/repo.git#ref:subdir) or a tar; - reads a tar, or a Dockerfile alone.`,
  flags: BUILD_FLAGS,
  notes: `Progress goes to standard error; standard output gets the image's id with --quiet, else nothing. NO_COLOR turns
colour off. BUILDKIT_PROGRESS sets the default of --progress.

Exit codes: 0 done, 1 the build failed, 2 the command line is wrong, 130 interrupted.`,
  examples: [
    'jettison build -t app .',
    'jettison build --push -t registry.example.com/team/app .',
    'jettison build -t app --target test --build-arg NODE_ENV=test .',
  ],
  async run(args: string[], io: Io): Promise<number> {
    const { options, flags, progress, call, outputs } = parseBuildCommand(args, io, `Usage: ${USAGE}`);
    if (call !== undefined) {
      const { answerCall } = await import('../print/call.ts');
      return answerCall(call, options, io);
    }
    const [iidFile, metadataFile, trace] = [flags.iidfile, flags['metadata-file'], flags.trace].map((file) =>
      file === undefined ? undefined : resolve(io.cwd, file),
    );
    const budget = flags.budget
      ? (await import('../budget-check.ts')).findBudget(io.cwd, undefined)
      : undefined;
    if (
      budget !== undefined &&
      outputs.length > 0 &&
      outputs.every(({ exporter }) => exporter.kind !== 'image')
    ) {
      throw usageError('--budget needs an image', 'Add an output of an image, or leave --budget out.');
    }
    if (flags.debug) needDebugging(options.stdin !== undefined, io);
    const failed = failedCommand(args, io.cwd);
    options.command = failed;
    options.commandLine = recordedLine(args);
    const once = async () => {
      // The id of an earlier build must not be taken for this one's.
      if (iidFile !== undefined) rmSync(iidFile, { force: true });
      const renderer = await createRenderer(progress, io.stderr, {
        color: wantsColor(io.stderr, io.env),
        env: io.env,
      });
      const timings =
        flags.timings || trace !== undefined || SPAN_VARIABLES.some((name) => io.env[name])
          ? new (await import('../build-timings.ts')).BuildTimingsOutput(
              { table: flags.timings, trace, progress },
              io,
            )
          : undefined;
      let result: BuildResult;
      try {
        result = await build({
          ...options,
          onEvent: (event) => {
            renderer.handle(event);
            timings?.handle(event);
          },
          ...(timings === undefined ? {} : { timings: timings.recorder }),
        });
      } catch (error) {
        renderer.end();
        if (!hasKeptFailure(error)) throw error;
        if (flags.debug) await openShell(options, io);
        throw withHint(error, debugHint(failed));
      } finally {
        renderer.end();
        await timings?.finish();
      }

      const id = result.imageId ?? '';
      if (iidFile !== undefined && id !== '') writeFileSync(iidFile, id);
      if (metadataFile !== undefined) {
        writeFileSync(metadataFile, `${JSON.stringify(metadata(result, io.env), null, 2)}\n`);
      }
      if (flags.quiet && id !== '' && !isTaken) io.stdout.write(`${id}\n`);
      if (budget !== undefined && result.digest !== undefined) {
        const { checkBuilt } = await import('../budget-check.ts');
        await checkBuilt(result.digest, result.tags[0], budget, io);
      }
    };
    options.written = [iidFile, metadataFile, trace].filter((file) => file !== undefined);
    options.outputs = outputs.map((output) => outputOf(output, io));
    // An archive on standard output must not be mixed with the id, nor with another archive.
    const isTaken = outputs.some(({ dest }) => dest === '-');
    if (flags.watch) {
      if (isTaken) throw usageError('--watch excludes an output to standard output', 'Give it a dest=FILE.');
      const { watchBuilds } = await import('../watch-builds.ts');
      return watchBuilds(options, io, once, progress !== 'quiet' && progress !== 'rawjson');
    }
    await once();
    return 0;
  },
};

/** Variables with which a build sends spans to a collector. */
const SPAN_VARIABLES = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'TRACEPARENT'];

/** @throws JettisonError `NOT_A_TERMINAL` for --debug where no shell can be opened */
function needDebugging(readsStdin: boolean, io: Io): void {
  if (!readsStdin && io.stdin.isTTY && io.stdout.isTTY) return;
  throw new JettisonError('NOT_A_TERMINAL', '--debug needs a terminal for its shell', {
    hint: 'Leave --debug out: after a failure, `jettison debug -c COMMAND` runs a command where it failed.',
    exitCode: EXIT.usage,
  });
}

/** Opens a shell where a build has failed. Errors of the shell are printed, since the build's error is thrown. */
async function openShell(options: BuildOptions, io: Io): Promise<void> {
  const [{ debug }, { lookAround }] = await Promise.all([
    import('../../build/debug.ts'),
    import('../debug-shell.ts'),
  ]);
  try {
    await debug(options, (stop) => lookAround(stop, {}, io));
  } catch (error) {
    if (!(error instanceof JettisonError)) throw error;
    io.stderr.write(`${renderError(error, { color: wantsColor(io.stderr, io.env) })}\n`);
  }
}

/**
 * The facts of `docker buildx build --metadata-file`, with the same names. BUILDX_METADATA_PROVENANCE selects how much
 * of the image's provenance they include: min (the default), max or disabled.
 */
function metadata(result: BuildResult, env: Io['env']): Record<string, unknown> {
  if (result.digest === undefined) return {};
  return {
    ...provenanceMembers(result, env['BUILDX_METADATA_PROVENANCE']),
    'containerimage.config.digest': result.imageId,
    'containerimage.descriptor': result.manifest,
    'containerimage.digest': result.digest,
    ...(result.tags.length === 0 ? {} : { 'image.name': result.tags.join(',') }),
  };
}

function provenanceMembers({ provenance = [] }: BuildResult, mode: string | undefined): object {
  if (mode !== undefined && /^(?:disabled|0|f|false)$/i.test(mode)) return {};
  const several = provenance.length > 1;
  return Object.fromEntries(
    provenance.map(({ platform, min, attached }) => [
      `buildx.build.provenance${several ? `/${platform}` : ''}`,
      mode === 'max' ? attached : min,
    ]),
  );
}
