import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { within } from './capabilities.ts';
import { isTooLong, tooLong } from './command.ts';
import { canFilter, filterProgram } from './filter-program.ts';
import {
  type LaunchRequest,
  loopbackUp,
  makeInRoot,
  makePoint,
  mountAll,
  namespaceWrapper,
} from './launch.ts';
import { capabilityMask } from './namespace.ts';
import type { TerminalSize } from './pty.ts';
import { remountCommand } from './remount.ts';
import {
  CONTAINER,
  hideControlGroups,
  mountProc,
  type RuntimeName,
  runtimeCommand,
  runtimePlaces,
} from './runtime.ts';
import { runtimeConfig } from './runtime-config.ts';
import type { Launch } from './sandbox.ts';
import { hasDefaultFilter } from './seccomp.ts';
import { quote } from './shell-words.ts';

/**
 * Starts a command with an OCI runtime. The first process is a shell in namespaces of its own here, too: it mounts
 * the root's overlay, and when it ends, everything that the runtime started ends with it, even if the runtime was
 * killed.
 *
 * @param options.terminal whether the command gets a terminal, which the runtime makes
 * @throws JettisonError `RUN_TOO_LONG`
 */
export function runtimeLaunch(
  runtime: RuntimeName,
  request: LaunchRequest,
  options: { terminal: TerminalSize | undefined },
): Launch {
  const { folder, before, plan, makeDirectory, environment, seccomp } = request;
  const { root } = folder;
  const all = [...environment.plain, ...environment.guarded];
  // A runtime would say it in words of its own, on the command's standard error.
  if (isTooLong([...request.args, ...all])) throw tooLong();
  const places = runtimePlaces(folder.memory);
  for (const path of [places.bundle, places.state]) mkdirSync(path);
  writeFileSync(
    join(places.bundle, 'config.json'),
    runtimeConfig({
      ...request,
      ...options,
      root,
      capabilities: within(capabilityMask('CapBnd'), request.capabilities),
      environment: all,
      remount: remountCommand(folder.memory, root, {
        readonly: request.readonlyRoot,
        nodev: !request.devices,
      }),
      // A profile of somebody's own may say more than ours can: the runtime makes of it what it does everywhere.
      ...(seccomp && hasDefaultFilter(seccomp) && canFilter() && { filter: filterProgram(seccomp) }),
    }),
    { mode: 0o600 },
  );
  const setUp = [mountProc(), hideControlGroups(), mountAll(folder.table('root', before))];
  // Outside the root: in it, the runtime makes the mount points that are missing.
  for (const { point } of plan.nested) {
    if (point?.path.startsWith('/')) setUp.push(makePoint(root, point));
  }
  if (makeDirectory !== undefined) setUp.push(makeInRoot(root, makeDirectory));
  setUp.push(...loopbackUp(request.network));
  const words = [...runtimeCommand(runtime, places), 'run', '--bundle', places.bundle, CONTAINER];
  return {
    wrapper: namespaceWrapper(request.network),
    setUp,
    command: words.map(quote).join(' '),
    args: [],
    variables: {},
    depth: 2,
  };
}
