import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { JettisonError } from '../../../errors/error.ts';
import type { BecomeSettings } from '../../../launch/become-script.ts';
import { CAPABILITY_NAMES, within } from '../../../launch/capabilities.ts';
import { carriers } from '../../../launch/environment.ts';
import { canFilter, filterProgram } from '../../../launch/filter-program.ts';
import { capabilityMask } from '../../../machine/kernel.ts';
import type { SeccompProfile, TerminalSize, Ulimit, User } from '../../../protocol/exec-request.ts';
import { entryPath } from '../../../protocol/program-path.ts';
import type { ToKeeper } from '../../programs/keeper.ts';
import type { RunningCommand } from '../command-root.ts';
import { CommandStreams } from '../streams.ts';

/** A command and its root directory. */
export interface ChrootSandboxOptions {
  /** Absolute path. */
  root: string;
  user: User;
  /** Absolute, inside the root. */
  cwd: string;
  /** Names as in `capabilities.ts`; those that this process lacks are ignored. */
  capabilities: readonly string[];
  noNewPrivileges: boolean;
  /** Without CAP_SYS_ADMIN the kernel accepts it only together with `noNewPrivileges`. */
  seccomp: SeccompProfile | undefined;
  ulimits: readonly Ulimit[];
  /** `K=V`: the complete environment of the command. */
  environment: readonly string[];
  args: readonly string[];
  /** `typed`, or the absolute path of a file: see `StreamsOptions`. */
  stdin: string;
  terminal?: TerminalSize;
  /** Called before the command starts. @param first process id of the keeper */
  prepare?: (first: number) => Promise<void>;
}

/** With this capability a process can leave its chroot. */
const WAY_OUT = 'sys_chroot';

/**
 * A running command in a chroot, without namespaces. Its keeper (see `keeper.ts`) is a child of this process, and ends
 * when all processes of the command have ended.
 */
export class ChrootSandbox implements RunningCommand {
  readonly streams: CommandStreams;
  readonly exit: Promise<number>;
  readonly #keeper: ChildProcess;

  private constructor(keeper: ChildProcess, streams: CommandStreams) {
    this.#keeper = keeper;
    this.streams = streams;
    this.exit = once(keeper, 'exit').then(([code, signal]: (number | null | string)[]) =>
      typeof code === 'number' ? code : 128 + constants.signals[signal as NodeJS.Signals],
    );
  }

  /** @throws JettisonError `RUN_TOO_LONG` */
  static async start(options: ChrootSandboxOptions): Promise<ChrootSandbox> {
    const { stdin, user, terminal } = options;
    const streams = CommandStreams.open({ stdin, owner: user, ...(terminal && { terminal }) });
    let sandbox: ChrootSandbox;
    try {
      sandbox = new ChrootSandbox(spawnKeeper(options, streams), streams);
    } finally {
      streams.handedOver();
    }
    const ready = once(sandbox.#keeper, 'message').then(() => true);
    if (!(await Promise.race([ready, sandbox.exit.then(() => false)]))) {
      throw new JettisonError('RUN_SETUP', 'cannot start the keeper process of RUN');
    }
    try {
      await options.prepare?.(sandbox.first);
    } catch (error) {
      sandbox.kill();
      await sandbox.exit;
      throw error;
    }
    sandbox.#send('go');
    return sandbox;
  }

  get first(): number {
    return this.#keeper.pid ?? 0;
  }

  kill(): void {
    this.#send('end');
  }

  signal(name: NodeJS.Signals): void {
    this.#send(name);
  }

  #send(message: ToKeeper): void {
    if (this.#keeper.connected) this.#keeper.send(message, () => {});
  }
}

function spawnKeeper(options: ChrootSandboxOptions, streams: CommandStreams): ChildProcess {
  return spawn(process.execPath, [entryPath('keeper'), options.root, ...becomeArguments(options)], {
    cwd: '/',
    // The image's variables are renamed: this program and the next one still run in the machine's root directory.
    env: carriers(options.environment),
    stdio: [...streams.fds, 'ipc'],
    // A session of its own: control handles Ctrl-C.
    detached: true,
  });
}

function becomeArguments(options: ChrootSandboxOptions): string[] {
  const { cwd, user, noNewPrivileges, ulimits, environment } = options;
  const wanted = options.capabilities.filter((name) => name !== WAY_OUT);
  const settings: BecomeSettings = {
    cwd,
    uid: user.uid,
    ...(options.seccomp && canFilter() ? { filter: filterProgram(options.seccomp).toString('base64') } : {}),
    capabilities: within(capabilityMask('CapBnd'), wanted).map((name) => CAPABILITY_NAMES.indexOf(name)),
    further: {
      ...{ gid: user.gid, groups: user.groups, noNewPrivileges, ulimits },
      leadsTerminal: options.terminal !== undefined,
    },
  };
  return [JSON.stringify(settings), String(environment.length), ...options.args];
}
