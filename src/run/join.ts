import { spawn } from 'node:child_process';
import { JettisonError } from '../errors/error.ts';
import { startWorker } from '../host/client.ts';
import { DEFAULT_CAPABILITIES } from '../launch/capabilities.ts';
import { type Entered, type EnterRequest, enter, killEntered } from '../launch/enter.ts';
import { completeEnvironment } from '../launch/environment.ts';
import type { FromJoiner, JoinRequest, ToJoiner } from '../launch/join-messages.ts';
import { chosenSeccomp } from '../launch/seccomp-profile.ts';
import { resolveUser } from '../launch/user.ts';
import { MergedTree } from '../layer/merged-tree.ts';
import { resolvePath } from '../layer/tree.ts';
import { errorOf } from '../protocol/channel.ts';
import type { TerminalSize, User } from '../protocol/exec-request.ts';
import { entryPath } from '../protocol/program-path.ts';
import type { ContainerState } from '../store/containers.ts';
import { isAlive, pidOf } from '../store/process-identity.ts';
import type { Store } from '../store/store.ts';
import { type Container, type ContainerPlan, isLive } from './container.ts';
import type { CheckResult, HealthPlan } from './health.ts';
import { forwardSignals } from './signals.ts';
import { type RunStreams, terminalSize, typeInto } from './terminal.ts';

/** A further command in a container. Absent fields are those of the container's own command. */
export interface JoinOptions {
  args: string[];
  /** `K=V`, overriding the container's. */
  env: readonly string[];
  user?: User;
  cwd?: string;
  /** It gets a terminal. */
  terminal?: boolean;
}

const OUTPUT_LIMIT = 4096;
const LOG_TAIL = 4000;
const ACCOUNT_FILE_LIMIT = 4_000_000;

/**
 * Process id of the container's first process, which holds its namespaces.
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
        hint: '`jettison ps -a` shows its state.',
      },
    );
  }
  return pidOf(first);
}

/** A command for a running container: same files, processes, network, limits and rights. */
function enterRequest(config: ContainerPlan, state: ContainerState, options: JoinOptions): EnterRequest {
  const { request } = config;
  const user = options.user ?? state.user!;
  const environment = completeEnvironment([...request.process.env, ...options.env], user.home);
  return {
    first: pidOf(state.first!),
    user,
    cwd: options.cwd ?? request.process.cwd,
    capabilities: request.capabilities ?? DEFAULT_CAPABILITIES,
    noNewPrivileges: request.noNewPrivileges === true,
    seccomp: chosenSeccomp(request),
    environment: [...environment.plain, ...environment.guarded],
    args: options.args,
    ...(state.programs && { programs: state.programs }),
    ...(state.runtime && { runtime: state.runtime }),
    cgroups: state.cgroups ?? [],
  };
}

/**
 * Runs a command in a running container, in the foreground. Signals that this process gets go to the command.
 *
 * @returns its exit code
 * @throws JettisonError `CONTAINER_NOT_JOINABLE`
 */
export async function join(
  { config, state }: Pick<Container, 'config' | 'state'>,
  options: JoinOptions & { typed: boolean },
  streams: RunStreams,
): Promise<number> {
  const { typed, terminal = false } = options;
  const request: JoinRequest = {
    enter: {
      ...enterRequest(config, state, options),
      ...(terminal ? { terminal: terminalSize(streams) } : {}),
    },
    typed,
  };
  // A session of its own: this process handles the signals of its terminal.
  const joiner = spawn(process.execPath, [entryPath('joiner')], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    serialization: 'advanced',
    detached: true,
  });
  const send = (message: ToJoiner) => {
    if (joiner.connected) joiner.send(message, () => {});
  };
  let taken = () => {};
  const command = {
    resize: (size: TerminalSize) => send({ type: 'resize', size }),
    input: (data?: Uint8Array) =>
      new Promise<void>((resolve) => {
        taken = resolve;
        send({ type: 'input', ...(data && { data }) });
      }),
  };
  const kill = (signal: NodeJS.Signals) => send({ type: 'kill', signal });
  const stopForwarding = forwardSignals(
    (signal) => (terminal && signal === 'SIGHUP' ? send({ type: 'hang-up' }) : kill(signal)),
    () => kill('SIGKILL'),
  );
  let said = '';
  joiner.stderr!.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-LOG_TAIL);
  });
  let stopTyping = () => {};
  try {
    return await new Promise<number>((resolve, reject) => {
      joiner.on('message', (message: FromJoiner) => {
        if (message.type === 'taken') taken();
        else if (message.type === 'ended') resolve(message.exitCode);
        else if (message.type === 'failed') reject(errorOf(message.failure));
        else streams[message.output.stream].write(message.output.data, () => send({ type: 'taken' }));
      });
      joiner.once('error', reject);
      joiner.once('exit', () => {
        const why = said.trim() === '' ? '' : `:\n${said.trim()}`;
        reject(
          new JettisonError('WORKER_DIED', `the process that joins the container ended unexpectedly${why}`),
        );
      });
      send({ type: 'start', ...request });
      stopTyping = typeInto(command, streams, { typed, terminal });
    });
  } finally {
    stopTyping();
    stopForwarding();
    if (joiner.connected) joiner.disconnect();
  }
}

/** Runs a health check in a running container, and kills it after its timeout. */
export function checkHealth(
  config: ContainerPlan,
  state: ContainerState,
  plan: HealthPlan,
): Promise<CheckResult> {
  return new Promise((resolve) => {
    let entered: Entered;
    try {
      entered = enter(enterRequest(config, state, { args: plan.args, env: [] }), ['ignore', 'pipe', 'pipe']);
    } catch (error) {
      // The container may be ending.
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
      killEntered(entered, 'SIGKILL');
      resolve({ exitCode: -1, output: `${output}the check took longer than ${plan.timeout / 1000} s` });
    }, plan.timeout);
    child.on('error', (error) => resolve({ exitCode: -1, output: error.message }));
    child.on('exit', (code) => {
      clearTimeout(timer);
      // Processes that the check left behind may keep the output open.
      setImmediate(() => resolve({ exitCode: code ?? -1, output }));
    });
  });
}

/**
 * Resolves a user in a container's image.
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
