import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { JettisonError } from '../errors/error.ts';
import { chooseIsolation, type Isolation, namespaceCommand, rangeProblem } from './namespace.ts';
import { findTool, needTool, type ToolName } from './tools.ts';

/** One way of running commands, from the best to the last resort. */
export interface Rung {
  /**
   * `oci`: crun or runc. `namespaces`: namespaces made with util-linux. `chroot`: a copied tree. `none`: no
   * RUN at all, everything else works.
   */
  name: 'oci' | 'namespaces' | 'chroot' | 'none';
  usable: boolean;
  /** Why it is usable or not, and what it costs: one line. */
  reason: string;
  /** The one command that would enable or improve it. */
  remedy?: string;
}

const TOOLS: ToolName[] = ['unshare', 'setpriv', 'mount', 'mkdir', 'env', 'sh'];

/** The probe's markers: how far it came. */
const PROC = 'proc-ok';
const OVERLAY = 'overlay-ok';

/**
 * Looks which ways of running a RUN this machine allows, by trying.
 *
 * @param home the store's folder, which must exist: overlays are tried on its file system
 */
export async function probeIsolation(home: string): Promise<Rung[]> {
  return [probeOci(), await probeNamespaces(home), probeChroot(), probeNone()];
}

function probeOci(): Rung {
  const runtime = findTool('crun') ?? findTool('runc');
  return {
    name: 'oci',
    usable: false,
    reason:
      runtime === undefined
        ? 'neither crun nor runc is installed; this version would not use them yet'
        : `${runtime} is there, but this version does not use OCI runtimes yet`,
  };
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
  const { output, complaint } = await tryNamespaces(isolation, home);
  if (output.includes(OVERLAY)) {
    if (isolation === 'root') return rung(true, 'mount, process and other namespaces, as root');
    if (isolation === 'nested')
      return rung(true, 'mount, process and other namespaces, as root of a user namespace');
    if (isolation === 'ranges') return rung(true, 'a user namespace with your range of ids');
    const problem = rangeProblem();
    return rung(
      true,
      `a user namespace with a single id${
        problem === undefined ? '' : `, since ${problem.reason}`
      }: a RUN as another user, or one that changes owners, fails`,
      problem?.remedy,
    );
  }
  if (output.includes(PROC)) {
    return rung(
      false,
      `overlays cannot be mounted on the file system of ${home} (${complaint})`,
      'export JETTISON_HOME=/a/folder/on/ext4/xfs/btrfs/or/tmpfs',
    );
  }
  const { reason, remedy } = namespaceProblem(isolation, complaint);
  return rung(false, reason, remedy);
}

/** Makes the namespaces of a run, mounts a proc file system and an overlay in them, and says how far it came. */
function tryNamespaces(isolation: Isolation, home: string): Promise<{ output: string; complaint: string }> {
  const folder = mkdtempSync(join(home, 'probe-'));
  const mount = needTool('mount');
  const script = [
    'cd "$1" || exit 1',
    `${needTool('mkdir')} lower upper work root && ${mount} -n -t proc proc root || exit 1`,
    `echo ${PROC}`,
    `${mount} -n -t overlay overlay -o "$2" root && echo ${OVERLAY}`,
  ].join('\n');
  const options = `lowerdir=lower,upperdir=upper,workdir=work${isolation === 'root' ? '' : ',userxattr'}`;
  const args = [...namespaceCommand(isolation)];
  const program = args.shift()!;
  args.push(needTool('unshare'), '--mount', '--pid', '--ipc', '--uts', '--cgroup', '--fork', '--');
  args.push(needTool('sh'), '-c', script, 'sh', folder, options);
  return new Promise((resolve) => {
    execFile(program, args, { timeout: 10_000 }, (_error, output, said) => {
      rmSync(folder, { recursive: true, force: true });
      resolve({ output, complaint: said.trim().split('\n').at(-1) ?? '' });
    });
  });
}

/** What keeps the kernel from granting namespaces, from its own settings. */
function namespaceProblem(isolation: Isolation, complaint: string): { reason: string; remedy?: string } {
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
    if (readSetting(path) === closed) {
      return {
        reason: `the kernel keeps user namespaces from ordinary users: ${path} is ${closed}${said}`,
        remedy: `sudo sysctl -w ${setting}`,
      };
    }
  }
  return {
    reason: `the kernel does not grant the namespaces${said}; inside another container that is that container's setting`,
    remedy:
      'docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined …',
  };
}

function probeChroot(): Rung {
  return { name: 'chroot', usable: false, reason: 'this version does not use it yet' };
}

function probeNone(): Rung {
  return {
    name: 'none',
    usable: true,
    reason: 'COPY, ADD and all instructions that only describe need nothing (build --isolation none)',
  };
}

function readSetting(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}
