import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { JettisonError } from '../errors/error.ts';
import { DEFAULT_CAPABILITIES, within } from '../launch/capabilities.ts';
import { writeDevices } from '../launch/device-folder.ts';
import { canFilter, filterProgram, whyNoFilter } from '../launch/filter-program.ts';
import { shellCommand } from '../launch/remount.ts';
import { devMounts } from '../launch/rootfs.ts';
import { runtimeConfig } from '../launch/runtime-config.ts';
import { defaultSeccomp } from '../launch/seccomp-profile.ts';
import { namespaceWrapper } from '../launch/setup-lines.ts';
import { quote } from '../launch/shell-words.ts';
import { asRoot } from '../machine/advice.ts';
import { capabilityMask, chooseIsolation, namespaceCommand, rangeProblem } from '../machine/namespace.ts';
import {
  CONTAINER,
  hideControlGroups,
  installedRuntimes,
  mountProc,
  runtimeCommand,
  runtimeError,
  runtimePlaces,
} from '../machine/runtime.ts';
import { passingReason, type Trial } from '../machine/shortage.ts';
import { needTool, type ToolName } from '../machine/tools.ts';
import type { Isolation, RungName, RuntimeName } from '../protocol/rung.ts';
import { chrootProblem } from './chroot-probe.ts';

/** One way of running commands, as this machine has it. */
export interface Rung {
  name: RungName;
  usable: boolean;
  /** Why it is usable or not, and what it costs: one line. */
  reason: string;
  /** The one command that would enable or improve it. */
  remedy?: string;
  /** On the rung `oci`: the runtime that works. */
  runtime?: RuntimeName;
  /** What is installed for it and does not work, and why. */
  problems?: string[];
  /** A shortage that may be over next time, for people: what is said here is not to be remembered. */
  passing?: string;
}

const TOOLS: ToolName[] = ['unshare', 'setpriv', 'mount', 'mkdir', 'env', 'sh'];

/** The probe's markers: how far it came. */
const PROC = 'proc-ok';
const OVERLAY = 'overlay-ok';
const RAN = 'ran';
const PATIENCE_MS = 10_000;
const PREFIX = 'probe-';
const STALE_MS = 60_000;

/**
 * Looks which ways of running a RUN this machine allows, by trying.
 *
 * @param home the store's folder, which must exist: overlays are tried on its file system
 */
export async function probeRungs(home: string): Promise<Rung[]> {
  const namespaces = await probeNamespaces(home);
  return [await probeOci(home, namespaces), namespaces, probeChroot(home), probeNone()];
}

async function probeOci(home: string, namespaces: Rung): Promise<Rung> {
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

async function probeNamespaces(home: string): Promise<Rung> {
  const rung = (usable: boolean, reason: string, remedy?: string): Rung => ({
    name: 'namespaces',
    usable,
    reason,
    ...(remedy === undefined ? {} : { remedy }),
  });
  try {
    for (const tool of TOOLS) needTool(tool);
  } catch (error) {
    if (!(error instanceof JettisonError)) throw error;
    return rung(false, error.message, error.hint);
  }

  const isolation = chooseIsolation();
  const trial = await tryNamespaces(isolation, home);
  const { output, complaint } = trial;
  if (output.includes(OVERLAY)) {
    const why = whyNoFilter();
    const filter =
      why === undefined ? "with Docker's default seccomp filter" : `without a seccomp filter, since ${why}`;
    if (isolation === 'root') return rung(true, `mount, process and other namespaces, as root, ${filter}`);
    if (isolation === 'nested')
      return rung(true, `mount, process and other namespaces, as root of a user namespace, ${filter}`);
    if (isolation === 'ranges') return rung(true, `a user namespace with your range of ids, ${filter}`);
    const problem = rangeProblem();
    return rung(
      true,
      `a user namespace with a single id, ${filter}${
        problem === undefined ? '' : `, since ${problem.reason}`
      }: a RUN as another user, or one that changes owners, fails`,
      problem?.remedy,
    );
  }
  const setting = output.includes(PROC) ? undefined : closedSetting(isolation, complaint);
  // What a setting forbids looks like a shortage, too.
  const passing = setting === undefined ? passingReason(trial) : undefined;
  if (passing !== undefined) {
    const said = complaint === '' ? '' : ` (${complaint})`;
    return { ...rung(false, `it could not be tried: ${passing}${said}`), passing };
  }
  if (output.includes(PROC)) {
    return rung(
      false,
      `overlays cannot be mounted on the file system of ${home} (${complaint})`,
      'export JETTISON_HOME=/a/folder/on/ext4/xfs/btrfs/or/tmpfs',
    );
  }
  const { reason, remedy } = setting ?? namespaceProblem(complaint);
  return rung(false, reason, remedy);
}

/** Makes the namespaces of a run, mounts a proc file system and an overlay in them, and says how far it came. */
async function tryNamespaces(isolation: Isolation, home: string): Promise<Tried> {
  let folder: string;
  try {
    folder = probeFolder(home);
  } catch (error) {
    return { output: '', complaint: (error as Error).message, cause: (error as NodeJS.ErrnoException).code };
  }
  const mount = needTool('mount');
  const options = `lowerdir=lower,upperdir=upper,workdir=work${isolation === 'root' ? '' : ',userxattr'}`;
  const tried = await inNamespaces(isolation, folder, [
    `${needTool('mkdir')} lower upper work root && ${mount} -n -t proc proc root || exit 1`,
    `echo ${PROC}`,
    `${mount} -n -t overlay overlay -o ${options} root && echo ${OVERLAY}`,
  ]);
  rmSync(folder, { recursive: true, force: true });
  return tried;
}

/** Has a runtime run a command, as a build would, on this machine's own files. @returns what went wrong */
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
    // The store may be where nothing can be executed; a run's own folder is not.
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
  const said = runtimeError(readText(places.log)) || complaint;
  rmSync(folder, { recursive: true, force: true });
  if (output.includes(RAN)) return {};
  const problem =
    said || (cause === undefined ? 'it ends without a word' : `it does not end by itself (${cause})`);
  return { problem, passing: passingReason({ complaint: said, cause }) };
}

/**
 * On the file system of the store, but not among the temporary files of a build: builds of one process share a probe,
 * and the one that began it may end first. What a killed process left is deleted here.
 */
function probeFolder(home: string): string {
  for (const name of readdirSync(home).filter((one) => one.startsWith(PREFIX))) {
    const path = join(home, name);
    const made = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (Date.now() - made > STALE_MS) rmSync(path, { recursive: true, force: true });
  }
  return mkdtempSync(join(home, PREFIX));
}

/** Runs lines of shell script in the namespaces of a run. @param folder where; absolute */
function inNamespaces(isolation: Isolation, folder: string, lines: string[]): Promise<Tried> {
  const [program, ...args] = [
    ...namespaceCommand(isolation),
    ...namespaceWrapper('host'),
    ...[needTool('sh'), '-c', lines.join('\n')],
  ] as [string, ...string[]];
  return new Promise((resolve) => {
    // In a language whose complaints are known.
    const options = { cwd: folder, timeout: PATIENCE_MS, env: { ...process.env, LC_ALL: 'C' } };
    try {
      execFile(program, args, options, (error, output, said) => {
        resolve({ output, complaint: said.trim().split('\n').at(-1) ?? '', cause: causeOf(error) });
      });
    } catch (error) {
      resolve({ output: '', complaint: '', cause: causeOf(error) });
    }
  });
}

/** What came of an attempt: what it printed, and how it ended if not by itself. */
interface Tried extends Trial {
  output: string;
}

const EXIT_SIGNALLED = 128;

/** Why a program could not be started, or did not end by itself. */
function causeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, signal, killed } = error as { code?: string | number; signal?: string; killed?: boolean };
  if (killed) return 'ETIMEDOUT';
  if (typeof code === 'number') return code > EXIT_SIGNALLED ? `signal ${code - EXIT_SIGNALLED}` : undefined;
  return code ?? signal ?? error.message;
}

function failedTrial(error: unknown): { problem: string; passing?: string | undefined } {
  const complaint = (error as Error).message;
  return { problem: complaint, passing: passingReason({ complaint, cause: causeOf(error) }) };
}

/** The setting of the kernel that keeps it from granting namespaces, if there is one. */
function closedSetting(
  isolation: Isolation,
  complaint: string,
): { reason: string; remedy?: string } | undefined {
  const said = complaint === '' ? '' : ` (${complaint})`;
  const settings: [path: string, closed: string, setting: string][] = [
    ['/proc/sys/user/max_user_namespaces', '0', 'user.max_user_namespaces=15000'],
    ['/proc/sys/kernel/unprivileged_userns_clone', '0', 'kernel.unprivileged_userns_clone=1'],
    [
      '/proc/sys/kernel/apparmor_restrict_unprivileged_userns',
      '1',
      'kernel.apparmor_restrict_unprivileged_userns=0',
    ],
  ];
  for (const [path, closed, setting] of isolation === 'root' ? [] : settings) {
    if (readText(path) === closed) {
      return {
        reason: `the kernel keeps user namespaces from ordinary users: ${path} is ${closed}${said}`,
        remedy: asRoot(`sysctl -w ${setting}`),
      };
    }
  }
  return undefined;
}

function namespaceProblem(complaint: string): { reason: string; remedy?: string } {
  const said = complaint === '' ? '' : ` (${complaint})`;
  return {
    reason: `the kernel does not grant the namespaces${said}; inside another container that is that container's setting`,
    remedy:
      'docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined …',
  };
}

function probeChroot(home: string): Rung {
  const problem = chrootProblem(home);
  if (problem !== undefined) return { name: 'chroot', usable: false, ...problem };
  return {
    name: 'chroot',
    usable: true,
    reason:
      'a copy of the root for each RUN, without namespaces: what keeps it in is this container, with its seccomp filter if it has one',
  };
}

function probeNone(): Rung {
  return {
    name: 'none',
    usable: true,
    reason: 'COPY, ADD and all instructions that only describe need nothing (build --isolation none)',
  };
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}
