import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { quote } from '../../../fields/shell-quote.ts';
import { within } from '../../../launch/capabilities.ts';
import { isTooLong, tooLong } from '../../../launch/command-lookup.ts';
import { canFilter, filterProgram } from '../../../launch/filter-program.ts';
import { remountCommand } from '../../../launch/remount.ts';
import { runtimeConfig } from '../../../launch/runtime-config.ts';
import { hasDefaultFilter } from '../../../launch/seccomp-profile.ts';
import { loopbackUp, makePoint, mountAll, namespaceWrapper } from '../../../launch/setup-lines.ts';
import { capabilityMask } from '../../../machine/kernel.ts';
import {
  CONTAINER,
  hideControlGroups,
  mountProc,
  runtimeCommand,
  runtimePlaces,
} from '../../../machine/runtime.ts';
import type { TerminalSize } from '../../../protocol/exec-request.ts';
import type { RuntimeName } from '../../../protocol/rung.ts';
import type { Launch, LaunchRequest } from './sandbox.ts';

/**
 * Starts a command with an OCI runtime. Here, too, the first process is a shell in namespaces of its own: it mounts the
 * root's overlay, and when it ends, the kernel kills everything that the runtime started, even if the runtime was killed.
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
  // Checked here: a runtime would print its own message on the command's standard error.
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
      // Only for Docker's profile: a custom one may use features that our compiler lacks, so the runtime compiles it.
      ...(seccomp && hasDefaultFilter(seccomp) && canFilter() && { filter: filterProgram(seccomp) }),
    }),
    { mode: 0o600 },
  );
  const setUp = [mountProc(), hideControlGroups(), mountAll(folder.table('root', before))];
  // Only mount points outside the root: the runtime makes missing ones inside it.
  for (const { point } of plan.nested) {
    if (point?.path.startsWith('/')) setUp.push(makePoint(root, point));
  }
  if (makeDirectory !== undefined) setUp.push(makePoint(root, { path: makeDirectory, kind: 'directory' }));
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
