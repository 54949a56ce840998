import { CAPABILITY_NAMES, enoughForTools, within } from './capabilities.ts';
import { entryPath } from './entry.ts';
import { handOver } from './hand-variables.ts';
import type { Isolation } from './namespace.ts';
import { capabilityMask } from './namespace.ts';
import type { Ulimit } from './protocol.ts';
import { quote } from './shell-words.ts';
import { needTool } from './tools.ts';
import type { User } from './user.ts';

/** Who and where a command is, inside its root. */
export interface Becoming {
  user: User;
  /** Absolute, inside the root. */
  cwd: string;
  isolation: Isolation;
  /** Names as in `capabilities.ts`; those that this process lacks itself are left out. */
  capabilities: readonly string[];
  /** No program can give the command more rights, setuid bit or not. */
  noNewPrivileges: boolean;
}

/** What `become.js` is told. */
export interface BecomeSettings {
  cwd: string;
  uid: number;
  /** Numbers. */
  capabilities: number[];
  /** What programs of the machine do where there are some. */
  further?: {
    gid: number;
    groups: number[];
    noNewPrivileges: boolean;
    /** Standard input is a terminal, and it leads a session of its own that has that. */
    leadsTerminal: boolean;
    ulimits: readonly Ulimit[];
  };
}

/**
 * What turns a POSIX shell into a command. It must be in its namespaces already, with the root of the machine as its
 * root, the command's root as its working directory, and the command's variables as `carriers` in its environment.
 *
 * @param environment the command's variables, `K=V`
 * @returns `exports`: lines of the shell; `line`: what is to be executed after them, before the words of the command
 */
export function becoming(
  what: Becoming,
  environment: readonly string[],
): { exports: string[]; line: string } {
  const { user, isolation, cwd } = what;
  const capabilities = within(capabilityMask('CapBnd'), what.capabilities);
  // util-linux drops capabilities before it changes root and user, and needs some for the latter.
  const byTools = enoughForTools(capabilities);
  const identity = [
    needTool('setpriv'),
    ...(byTools ? [`--bounding-set=${['-all', ...capabilities.map((name) => `+${name}`)].join(',')}`] : []),
    '--inh-caps=-all',
    ...(what.noNewPrivileges ? ['--no-new-privs'] : []),
    // With a single id there is nobody to become, and the kernel refuses to set groups.
    ...(isolation === 'single' ? [] : [`--regid=${user.gid}`, `--groups=${user.groups.join(',')}`]),
    '--',
  ];
  if (byTools) {
    const { exports, words } = handOver(environment);
    const entering = [
      // Without a namespace to leave it only changes root, directory and user, in that order.
      ...[needTool('unshare'), '--root=.', `--wd=${cwd}`],
      ...(user.uid === 0 ? [] : [`--setuid=${user.uid}`]),
      '--',
    ];
    const line = [...[...identity, needTool('env')].map(quote), ...words, ...entering.map(quote)].join(' ');
    return { exports, line };
  }
  const settings: BecomeSettings = {
    cwd,
    uid: user.uid,
    capabilities: capabilities.map((name) => CAPABILITY_NAMES.indexOf(name)),
  };
  // It takes the variables as they are carried: some of them would mean something to Node.
  const node = [process.execPath, entryPath('become'), JSON.stringify(settings), String(environment.length)];
  return { exports: [], line: [...identity, ...node].map(quote).join(' ') };
}
