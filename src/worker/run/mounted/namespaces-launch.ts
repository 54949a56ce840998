import { join } from 'node:path';
import { quote } from '../../../fields/shell-quote.ts';
import { becomeScript } from '../../../launch/become-script.ts';
import { coveringMounts } from '../../../launch/rootfs.ts';
import { loopbackUp, makePoint, mountAll, namespaceWrapper } from '../../../launch/setup-lines.ts';
import { needTool } from '../../../machine/tools.ts';
import type { Ulimit } from '../../../protocol/exec-request.ts';
import type { Launch, LaunchRequest } from './sandbox.ts';

/**
 * Starts a command with util-linux alone. The first process mounts the root, makes it its own root, starts the command
 * and waits for it.
 *
 * That process must not become the command: a process that changes its user loses the death signal by which it
 * ends together with the worker.
 *
 * @throws JettisonError `RUN_TOO_LONG`
 */
export function namespacesLaunch(request: LaunchRequest): Launch {
  const { folder, before, plan, makeDirectory } = request;
  const { root } = folder;
  const setUp = [mountAll(folder.table('root', [...before, ...plan.mounts, ...coveringMounts(plan)]))];
  for (const [i, { mount, point }] of plan.nested.entries()) {
    if (point !== undefined) setUp.push(makePoint(root, point));
    setUp.push(mountAll(folder.table(`nested-${i}`, [mount])));
  }
  if (makeDirectory !== undefined) setUp.push(makePoint(root, { path: makeDirectory, kind: 'directory' }));
  // Only the root's own mount: mounts below it keep their flags.
  if (request.readonlyRoot)
    setUp.push(`${needTool('mount')} -n -o remount,bind,ro,nodev ${quote(root)} || exit 1`);
  setUp.push(
    ...setLimits(request.ulimits),
    ...loopbackUp(request.network),
    // The old root stays mounted below the new one; uncovering it needs CAP_SYS_ADMIN, which the command lacks.
    `cd ${quote(root)} && ${needTool('mount')} -n --move ${quote(root)} / || exit 1`,
  );
  const environment = [...request.environment.plain, ...request.environment.guarded];
  const { line, args, variables } = becomeScript(
    request,
    { environment, args: request.args },
    join(folder.memory, 'command'),
  );
  return {
    wrapper: namespaceWrapper(request.network),
    setUp,
    command: `${line} "$@"`,
    args,
    variables,
    depth: 1,
    dev: plan.dev,
  };
}

function setLimits(ulimits: readonly Ulimit[]): string[] {
  if (ulimits.length === 0) return [];
  const limits = ulimits.map(({ name, soft, hard }) => `--${name}=${rlimit(soft)}:${rlimit(hard)}`);
  return [`${needTool('prlimit')} --pid $$ ${limits.join(' ')} || exit 1`];
}

function rlimit(value: number): string {
  return value === -1 ? 'unlimited' : String(value);
}
