import { spawnSync } from 'node:child_process';
import { JettisonError } from '../errors/error.ts';
import { MergedTree } from '../layer/merged-tree.ts';
import { resolvePath } from '../layer/tree.ts';
import type { ContainerState } from '../store/containers.ts';
import { isAlive, pidOf } from '../store/process-identity.ts';
import type { Store } from '../store/store.ts';
import { DEFAULT_CAPABILITIES } from '../worker/capabilities.ts';
import { startWorker } from '../worker/client.ts';
import { isShell, withGuarded } from '../worker/command.ts';
import { type Entered, enter } from '../worker/enter.ts';
import { entryPath } from '../worker/entry.ts';
import { completeEnvironment } from '../worker/environment.ts';
import { commandBelow } from '../worker/processes.ts';
import { resolveUser, type User } from '../worker/user.ts';
import { type Container, type ContainerPlan, isLive } from './container.ts';
import type { CheckResult, HealthPlan } from './health.ts';

/** A further command of a container; what is left out is like the container's own. */
export interface JoinOptions {
  args: string[];
  /** `K=V`, over the container's. */
  env: readonly string[];
  user?: User;
  cwd?: string;
  /** It gets a terminal. */
  terminal?: boolean;
  /** That terminal is this process's, on standard input, and nobody else is using it. */
  isForeground?: boolean;
}

const OUTPUT_LIMIT = 4096;
const ACCOUNT_FILE_LIMIT = 4_000_000;

/**
 * Process id of the process that holds a container's namespaces.
 *
 * @throws JettisonError `CONTAINER_NOT_RUNNING`
 */
export function firstProcess(container: Container): number {
  const { first } = container.state;
  if (!isLive(container) || first === undefined || !isAlive(first, 0)) {
    throw new JettisonError(
      'CONTAINER_NOT_RUNNING',
      `the container ${container.config.name} is not running`,
      {
        hint: 'See `jettison ps -a` for what became of it.',
      },
    );
  }
  return pidOf(first);
}

/** Starts a command in a running container: same files, processes, network, limits and rights. */
export function join(
  store: Store,
  config: ContainerPlan,
  state: ContainerState,
  options: JoinOptions,
  stdio: ('ignore' | 'inherit' | 'pipe')[],
): Entered {
  const { request } = config;
  const user = options.user ?? state.user!;
  const environment = completeEnvironment([...request.process.env, ...options.env], user.home);
  const leadsTerminal = options.isForeground === true && state.runtime === undefined && isShell(options.args);
  const entered = enter(
    {
      leadsTerminal,
      first: pidOf(state.first!),
      user,
      cwd: options.cwd ?? request.process.cwd,
      capabilities: request.capabilities ?? DEFAULT_CAPABILITIES,
      noNewPrivileges: request.noNewPrivileges === true,
      ...(state.runtime
        ? {
            runtime: state.runtime,
            environment: [...environment.plain, ...environment.guarded],
            args: options.args,
          }
        : {
            environment: environment.plain,
            args: withGuarded(imageTree(store, state.layers!), options.args, environment.guarded),
          }),
      cgroups: state.cgroups ?? [],
      terminal: options.terminal === true,
    },
    stdio,
  );
  if (leadsTerminal) entered.process.once('exit', takeTerminalBack);
  return entered;
}

/** Else whoever comes next on the terminal, such as the rest of a script, could not read from it. */
function takeTerminalBack(): void {
  spawnSync(process.execPath, [entryPath('take-terminal')], { stdio: ['inherit', 'ignore', 'ignore'] });
}

/** Runs a health check of a container that runs. A check that takes too long is killed. */
export function checkHealth(
  store: Store,
  config: ContainerPlan,
  state: ContainerState,
  plan: HealthPlan,
): Promise<CheckResult> {
  return new Promise((resolve) => {
    let entered: Entered;
    try {
      entered = join(store, config, state, { args: plan.args, env: [] }, ['ignore', 'pipe', 'pipe']);
    } catch (error) {
      // The container may be ending right now.
      resolve({ exitCode: -1, output: (error as Error).message });
      return;
    }
    const child = entered.process;
    let output = '';
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.on('data', (data: Buffer) => {
        if (output.length < OUTPUT_LIMIT) output += data;
      });
    }
    const timer = setTimeout(() => {
      killJoined(entered, 'SIGKILL');
      resolve({ exitCode: -1, output: `${output}the check took longer than ${plan.timeout / 1000} s` });
    }, plan.timeout);
    child.on('error', (error) => resolve({ exitCode: -1, output: error.message }));
    child.on('exit', (code) => {
      clearTimeout(timer);
      // Whoever the check left behind may hold the output open for ever.
      setImmediate(() => resolve({ exitCode: code ?? -1, output }));
    });
  });
}

const RETRY_MS = 20;

/** Sends a signal to a command that was started with `join`, as soon as it has started. */
export function killJoined(entered: Entered, signal: NodeJS.Signals): void {
  const { process: child, depth } = entered;
  const command = child.pid === undefined ? undefined : commandBelow(child.pid, depth);
  if (
    command === undefined &&
    child.pid !== undefined &&
    child.exitCode === null &&
    child.signalCode === null
  ) {
    setTimeout(() => killJoined(entered, signal), RETRY_MS).unref();
    return;
  }
  try {
    if (command !== undefined) process.kill(command, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/**
 * Who somebody is in a container's image.
 *
 * @param spec as USER has it
 * @throws JettisonError `USER_UNKNOWN`
 */
export async function userOf(store: Store, layers: readonly string[], spec: string): Promise<User> {
  const tree = imageTree(store, layers);
  const worker = await startWorker({ home: store.layout.home });
  const read = async (path: string): Promise<string | undefined> => {
    const { entry } = resolvePath(tree, path);
    if (entry?.type !== 'file' || entry.source === undefined) return undefined;
    return Buffer.from(await worker.read({ source: entry.source, limit: ACCOUNT_FILE_LIMIT })).toString();
  };
  try {
    return resolveUser(spec, await read('/etc/passwd'), await read('/etc/group'));
  } finally {
    await worker.close();
  }
}

function imageTree(store: Store, layers: readonly string[]): MergedTree {
  return new MergedTree(layers.map((id) => ({ id, index: store.layers.index(id) })));
}
