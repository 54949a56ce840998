import type { RunInstruction, Word } from '../dockerfile/ast.ts';
import { runScript } from '../dockerfile/run-script.ts';
import { JettisonError, type Location } from '../errors/error.ts';
import { absoluteDestination } from './copy-step.ts';
import { runHistory } from './history.ts';
import type { RunMount, RunStep } from './plan.ts';
import type { StageState } from './stage-state.ts';

/** Where a heredoc that is a program of its own is found by the process, as in BuildKit. */
const SCRIPTS = '/dev/pipes';

/** Plans RUN: its process and what is mounted for it. */
export function addRunStep(
  state: StageState,
  instruction: RunInstruction,
  title: string,
  options: { network: 'host' | 'none'; hiddenEnv: string[] },
): void {
  const script = runScript(instruction);
  const args =
    script.kind === 'exec'
      ? script.args
      : [...state.shell, script.kind === 'file' ? script.data : script.text];
  if (instruction.security !== undefined && instruction.security.text !== 'sandbox') {
    throw unsupported(`RUN --security=${instruction.security.text}`, instruction.security.location);
  }
  const step: RunStep = {
    kind: 'run',
    id: state.nextStepId(),
    title,
    location: instruction.location,
    source: instruction.source,
    args: script.kind === 'file' ? [`${SCRIPTS}/${script.name}`] : args,
    env: state.environment(),
    hiddenEnv: options.hiddenEnv,
    cwd: state.cwd,
    user: state.config.User ?? '',
    network: network(instruction.network, options.network),
    mounts: instruction.mounts.map((mount) => planMount(state, mount)),
    ...(script.kind === 'file' ? { script: { path: `${SCRIPTS}/${script.name}`, data: script.data } } : {}),
  };
  state.steps.push(step);
  state.history.push({ createdBy: runHistory(state.shownArgs(), args), step: step.id });
}

function network(word: Word | undefined, fallback: 'host' | 'none'): 'host' | 'none' {
  switch (word?.text) {
    case undefined:
    case 'default':
      return fallback;
    case 'none':
      return 'none';
    case 'host':
      return 'host';
    default:
      throw new JettisonError('NETWORK_INVALID', `"${word!.text}" is not a network mode of RUN`, {
        location: word!.location,
        hint: 'Write --network=default, none or host.',
      });
  }
}

function planMount(state: StageState, flag: RunInstruction['mounts'][number]): RunMount {
  const mount = state.mount(flag);
  if (mount.type !== 'secret') throw unsupported(`RUN --mount=type=${mount.type}`, flag.location);
  const id = mount.id ?? mount.source ?? mount.target!.slice(mount.target!.lastIndexOf('/') + 1);
  const written = mount.target ?? (mount.env === undefined ? `/run/secrets/${id}` : undefined);
  return {
    type: 'secret',
    id,
    ...(written === undefined ? {} : { target: absoluteDestination(state.cwd, written) }),
    ...(mount.env === undefined ? {} : { env: mount.env }),
    required: mount.required,
    mode: mount.mode ?? 0o400,
    uid: mount.uid ?? 0,
    gid: mount.gid ?? 0,
  };
}

function unsupported(what: string, location: Location): JettisonError {
  return new JettisonError('NOT_SUPPORTED', `${what} is not supported by this version yet`, { location });
}
