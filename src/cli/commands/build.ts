import { rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type BuildOptions, type BuildResult, build } from '../../build/build.ts';
import { hasKeptFailure } from '../../build/cancellation.ts';
import { EXIT, JettisonError } from '../../errors/error.ts';
import { renderError } from '../../errors/render.ts';
import { wantsColor } from '../../errors/style.ts';
import { createRenderer } from '../../events/create-renderer.ts';
import type { Command, Io } from '../command.ts';
import { parseBuildFlags } from '../flags/build-flags.ts';
import { buildOptions } from '../flags/build-options.ts';
import { OUTPUT_TYPES, outputOf } from '../flags/output.ts';
import { debugHint, failedCommand, withHint } from '../print/failed-command.ts';

const help = `Usage: jettison build [OPTIONS] PATH|URL|-

Builds an image from a Dockerfile and the files in the directory PATH. PATH may also be a tar archive; a URL
names a git repository (https://host/repo.git#ref:subdir) or a tar; - reads a tar, or a Dockerfile alone.

Options:
      --annotation [manifest:|index:]KEY=VALUE
                                Annotate the image
      --add-host NAME:ADDRESS   Add a line to /etc/hosts of RUN
      --allow ENTITLEMENT       security.insecure or network.host: let RUN ask for --security=insecure or
                                --network=host
      --build-arg NAME[=VALUE]  Set a build argument; without value, from the environment
      --build-context NAME=PLACE
                                Use PLACE for the stage, image or context NAME: a directory, a tar, a git or
                                http URL, docker-image://IMAGE or oci-layout://FOLDER[:TAG|@DIGEST]
      --cache-from PLACE        Reuse steps of other machines: NAME, type=registry,ref=NAME or
                                type=local,src=FOLDER
      --cache-to PLACE          Keep steps for other machines: the same with dest=FOLDER, or type=inline; mode=max
                                keeps those of all stages, cache-mounts=true what cache mounts hold
      --call WHAT[,format=json] Do not build, but show what --check finds (check), what can be given to the
                                build (outline), or its stages (targets)
      --check                   Do not build, but check the Dockerfile; exit code 1 if there are findings
      --cpus NUMBER             Processors that one RUN may use
      --debug                   Open a shell where a RUN fails, as \`jettison debug\` does; takes a terminal
  -f, --file FILE               The Dockerfile (default: PATH/Dockerfile); - reads standard input
      --iidfile FILE            Write the image's id to a file
      --isolation RUNG          How RUN runs: auto (the best that works here), oci, namespaces, chroot, or none
      --label NAME=VALUE        Add a label to the image
      --load                    Give the image to a running Docker or Podman engine, too
  -m, --memory SIZE             Memory that one RUN may use, e.g. 2g
      --metadata-file FILE      Write facts about the result to a file, as JSON
      --network MODE            Network of RUN: default (private, where permitted), host or none
      --no-cache                Use nothing that earlier builds made
      --no-cache-filter STAGE[,…]
                                The same for these stages only
  -o, --output FOLDER|type=TYPE,…
                                Where the result goes, instead of the store alone: ${OUTPUT_TYPES.slice(0, 3).join(', ')},
                                ${OUTPUT_TYPES.slice(3).join(', ')}; may be given several times
      --pids-limit NUMBER       How many processes and threads one RUN may have
      --platform PLATFORM[,…]   What to build for, e.g. linux/arm64; several make an index of images
      --progress MODE           auto, tty, plain, quiet or rawjson (default: auto)
      --provenance false        Accepted for compatibility: no attestations are made
      --pull                    Look for newer base images even where there are local ones
      --push                    Push the image to the registries that its names begin with, too
  -q, --quiet                   Print nothing but the image's id
      --registry-insecure       Accept any certificate of registries, and plain http
      --reproducible            Make the same digests anywhere: see docs/reproducible.md
      --sbom false              Accepted for compatibility: no attestations are made
      --secret id=NAME[,src=FILE|,env=VARIABLE]
                                Let RUN --mount=type=secret read a file or a variable
      --shm-size SIZE           Size of /dev/shm in RUN (default: 64m)
      --ssh ID[=SOCKET]         Let RUN --mount=type=ssh use an SSH agent (default: that of SSH_AUTH_SOCK)
  -t, --tag NAME[:TAG]          Name the image; may be given several times
      --target STAGE            Build this stage (default: the last)
      --timeout TIME            How long one RUN may take, e.g. 10m (default: as long as it wants)
      --ulimit NAME=SOFT[:HARD] A resource limit of RUN, e.g. nofile=1024

Progress goes to standard error; standard output gets the image's id with --quiet, else nothing.
NO_COLOR turns colour off. BUILDKIT_PROGRESS sets the default of --progress.
Exit codes: 0 done, 1 the build failed, 2 the command line is wrong, 130 interrupted.

Examples:
  jettison build -t app .
  jettison build --push -t registry.example.com/team/app .
  jettison build -t app --target test --build-arg NODE_ENV=test -f docker/Dockerfile .
`;

export const command: Command = {
  help,
  async run(args: string[], io: Io): Promise<number> {
    const flags = parseBuildFlags(args, io.env);
    if (flags.call !== undefined) {
      const { answerCall } = await import('../print/call.ts');
      return answerCall(flags.call, buildOptions(flags, io), io);
    }
    const iidFile = flags.iidFile === undefined ? undefined : resolve(io.cwd, flags.iidFile);
    // An id that is left from an earlier build must not pass for this one's.
    if (iidFile !== undefined) rmSync(iidFile, { force: true });

    if (flags.debug) needDebugging(flags.file === '-' || flags.context === '-', io);
    const options = { ...buildOptions(flags, io), command: failedCommand(args, io.cwd) };
    const renderer = await createRenderer(flags.progress, io.stderr, {
      color: wantsColor(io.stderr, io.env),
      env: io.env,
    });
    let result: BuildResult;
    try {
      result = await build({
        ...options,
        written: [flags.iidFile, flags.metadataFile].flatMap((file) =>
          file === undefined ? [] : [resolve(io.cwd, file)],
        ),
        outputs: flags.outputs.map((output) => outputOf(output, io)),
        onEvent: (event) => renderer.handle(event),
      });
    } catch (error) {
      renderer.end();
      if (!hasKeptFailure(error)) throw error;
      if (flags.debug) await openShell(options, io);
      throw withHint(error, debugHint(options.command));
    } finally {
      renderer.end();
    }

    const id = result.imageId ?? '';
    if (iidFile !== undefined && id !== '') writeFileSync(iidFile, id);
    if (flags.metadataFile !== undefined) {
      writeFileSync(resolve(io.cwd, flags.metadataFile), `${JSON.stringify(metadata(result), null, 2)}\n`);
    }
    // What an archive is written to holds nothing else.
    const taken = flags.outputs.some(({ dest }) => dest === '-');
    if (flags.quiet && id !== '' && !taken) io.stdout.write(`${id}\n`);
    return 0;
  },
};

/** @throws JettisonError `NOT_A_TERMINAL` for --debug where no shell can be opened */
function needDebugging(readsStdin: boolean, io: Io): void {
  if (!readsStdin && io.stdin.isTTY && io.stdout.isTTY) return;
  throw new JettisonError('NOT_A_TERMINAL', '--debug opens a shell on a terminal, and there is none', {
    hint: 'Leave --debug out: after a failure, `jettison debug -c COMMAND` runs a command where it failed.',
    exitCode: EXIT.usage,
  });
}

/** The build has failed for a reason of its own: that no shell can be opened is told and no more. */
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

/** The facts that `docker buildx build --metadata-file` writes too, under the same names. */
function metadata(result: BuildResult): Record<string, unknown> {
  if (result.digest === undefined) return {};
  return {
    'containerimage.config.digest': result.imageId,
    'containerimage.descriptor': result.manifest,
    'containerimage.digest': result.digest,
    ...(result.tags.length === 0 ? {} : { 'image.name': result.tags.join(',') }),
  };
}
