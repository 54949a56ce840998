import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { quote } from '../../fields/shell-quote.ts';
import { DEFAULT_CAPABILITIES, within } from '../../launch/capabilities.ts';
import { devMounts, writeDevices } from '../../launch/devices.ts';
import { canFilter, filterProgram } from '../../launch/filter-program.ts';
import { shellCommand } from '../../launch/remount.ts';
import { runtimeConfig } from '../../launch/runtime-config.ts';
import { defaultSeccomp } from '../../launch/seccomp-profile.ts';
import { capabilityMask, readText } from '../../machine/kernel.ts';
import { chooseIsolation } from '../../machine/namespace.ts';
import {
  CONTAINER,
  hideControlGroups,
  installedRuntimes,
  mountProc,
  runtimeCommand,
  runtimeError,
  runtimePlaces,
} from '../../machine/runtime.ts';
import { passingReason } from '../../machine/shortage.ts';
import { asRoot, needTool } from '../../machine/tools.ts';
import type { Isolation, RuntimeName } from '../../protocol/rung.ts';
import { removeTree } from '../../store/remove-tree.ts';
import { failedTrial, inNamespaces, type Probe, probeFolder, type Rung } from './probe.ts';

/** Printed by the probe's command. */
const RAN = 'ran';

export async function probeOci({ home, other }: Parameters<Probe>[0]): Promise<Rung> {
  const namespaces = await other('namespaces');
  const rung = { name: 'oci' as const, usable: false };
  const runtimes = installedRuntimes();
  if (!namespaces.usable)
    return {
      ...{ ...rung, reason: 'a runtime needs the same namespaces and overlays as the next rung' },
      ...(namespaces.passing && { passing: namespaces.passing }),
    };
  if (runtimes.length === 0) {
    return { ...rung, reason: 'neither crun nor runc is installed', remedy: asRoot('apt-get install crun') };
  }
  const isolation = chooseIsolation();
  const problems: string[] = [];
  let passing = namespaces.passing;
  for (const runtime of runtimes) {
    const { problem, ...how } = await tryRuntime(runtime, isolation, home);
    passing ??= how.passing;
    if (problem === undefined) {
      const others = problems.length === 0 ? '' : ` (${problems.join('; ')})`;
      const reason = `${runtime}, with Docker's default seccomp filter${others}`;
      return { ...rung, usable: true, reason, runtime, problems, ...(passing && { passing }) };
    }
    problems.push(`${runtime} does not work here: ${problem}`);
  }
  return { ...rung, reason: problems.join('; '), problems, ...(passing && { passing }) };
}

/** Runs a command on this machine's own files through a runtime, as a build would. @returns the problem, if any */
async function tryRuntime(
  runtime: RuntimeName,
  isolation: Isolation,
  home: string,
): Promise<{ problem?: string; passing?: string | undefined }> {
  try {
    return await runByRuntime(runtime, isolation, probeFolder(home));
  } catch (error) {
    return failedTrial(error);
  }
}

async function runByRuntime(
  runtime: RuntimeName,
  isolation: Isolation,
  folder: string,
): Promise<{ problem?: string; passing?: string | undefined }> {
  const root = join(folder, 'root');
  const places = runtimePlaces(folder);
  const dev = join(folder, 'dev');
  for (const path of [root, dev, places.bundle, places.state]) mkdirSync(path);
  writeDevices(dev);
  const seccomp = defaultSeccomp();
  const config = runtimeConfig({
    root,
    devices: false,
    // A shell command, not a program of ours: the store, which holds the probe's folder, may be mounted noexec.
    remount: shellCommand(root, { readonly: true, nodev: true }),
    plan: {
      mounts: [
        { source: 'proc', target: 'proc', type: 'proc', options: 'nosuid,nodev,noexec' },
        ...devMounts('dev', { dev }, isolation),
      ],
      nested: [],
      masked: [{ path: 'proc/keys', kind: 'file' }],
      readonly: ['proc/sys'],
    },
    args: [needTool('env')],
    environment: [`JETTISON_PROBE=${RAN}`],
    cwd: '/',
    user: { uid: 0, gid: 0, groups: [], home: '/' },
    capabilities: within(capabilityMask('CapBnd'), DEFAULT_CAPABILITIES),
    noNewPrivileges: false,
    ulimits: [],
    terminal: undefined,
    seccomp,
    ...(canFilter() && { filter: filterProgram(seccomp) }),
  });
  writeFileSync(join(places.bundle, 'config.json'), config);
  const run = [...runtimeCommand(runtime, places), 'run', '--bundle', places.bundle, CONTAINER];
  const { output, complaint, cause } = await inNamespaces(isolation, folder, [
    mountProc(),
    hideControlGroups(),
    `${needTool('mount')} -n --rbind / root || exit 1`,
    run.map(quote).join(' '),
  ]);
  const said = runtimeError(readText(places.log).trim()) || complaint;
  removeTree(folder);
  if (output.includes(RAN)) return {};
  const problem =
    said ||
    (cause === undefined ? 'it fails without a message' : `it was killed or could not start (${cause})`);
  return { problem, passing: passingReason({ complaint: said, cause }) };
}
