import { JettisonError } from '../../errors/error.ts';
import { whyNoFilter } from '../../launch/filter-program.ts';
import { readText } from '../../machine/kernel.ts';
import { chooseIsolation, rangeProblem } from '../../machine/namespace.ts';
import { passingReason } from '../../machine/shortage.ts';
import { asRoot, needTool, type ToolName } from '../../machine/tools.ts';
import type { Isolation } from '../../protocol/rung.ts';
import { removeTree } from '../../store/remove-tree.ts';
import { inNamespaces, probeFolder, type Rung, type Tried } from './probe.ts';

const TOOLS: ToolName[] = ['unshare', 'setpriv', 'mount', 'mkdir', 'env', 'sh'];

/** Markers that the probe prints after each step that worked. */
const PROC = 'proc-ok';
const OVERLAY = 'overlay-ok';

export async function probeNamespaces({ home }: { home: string }): Promise<Rung> {
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
  // A setting that forbids namespaces fails with the same errno as a shortage: check settings first.
  const passing = setting === undefined ? passingReason(trial) : undefined;
  if (passing !== undefined) {
    const said = complaint === '' ? '' : ` (${complaint})`;
    return { ...rung(false, `the probe could not run: ${passing}${said}`), passing };
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

/** Creates the namespaces of a RUN and mounts a proc file system and an overlay in them; `output` has the markers. */
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
  removeTree(folder);
  return tried;
}

/** The kernel setting that forbids user namespaces, if there is one. */
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
    if (readText(path).trim() === closed) {
      return {
        reason: `the kernel forbids user namespaces to ordinary users: ${path} is ${closed}${said}`,
        remedy: asRoot(`sysctl -w ${setting}`),
      };
    }
  }
  return undefined;
}

function namespaceProblem(complaint: string): { reason: string; remedy?: string } {
  const said = complaint === '' ? '' : ` (${complaint})`;
  return {
    reason: `the kernel denies the namespaces${said}; inside a container, its seccomp or AppArmor profile does`,
    remedy:
      'docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined …',
  };
}
