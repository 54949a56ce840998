import type { RunInstruction, Word } from '../dockerfile/ast.ts';
import { runScript } from '../dockerfile/run-script.ts';
import { JettisonError } from '../errors/error.ts';
import { runHistory } from './history.ts';
import type { RunNetwork, RunStep } from './plan.ts';
import { type MountSources, planMounts } from './run-mounts.ts';
import type { StageState } from './stage-state.ts';

/** Folder of heredocs that are executed as programs, as in BuildKit. */
const SCRIPTS = '/dev/pipes';

/** Plans RUN: its process and its mounts. */
export function addRunStep(
  state: StageState,
  instruction: RunInstruction,
  title: string,
  options: {
    network: RunNetwork;
    hiddenEnv: string[];
    sources: MountSources;
    /** Whether the file is only checked, so that permissions and devices do not matter. */
    checked: boolean;
    allowInsecure: boolean;
    /** Allows `--network=host`, as does the network `host` of the build. */
    allowHostNetwork: boolean;
    cacheNamespace: string | undefined;
    hostname: string | undefined;
  },
): void {
  const script = runScript(instruction);
  const file = script.kind === 'file' ? { path: `${SCRIPTS}/${script.name}`, data: script.data } : undefined;
  const shown =
    script.kind === 'exec'
      ? script.args
      : [...state.shell, script.kind === 'file' ? file!.path : script.text];
  const insecure = instruction.security?.text === 'insecure';
  if (insecure && !options.allowInsecure && !options.checked)
    throw notAllowed(instruction, instruction.security!, '--security=insecure', ENTITLEMENTS.insecure);
  const hostNetwork = instruction.network?.text === 'host';
  if (hostNetwork && !options.allowHostNetwork && !options.checked)
    throw notAllowed(instruction, instruction.network!, '--network=host', ENTITLEMENTS.hostNetwork);
  const [device] = instruction.devices;
  if (device !== undefined && !options.checked) throw noDevices(instruction, device);
  const mounts = planMounts(state, instruction, options);
  const agent = mounts.find((mount) => mount.type === 'ssh');
  const step: RunStep = {
    kind: 'run',
    id: state.nextStepId(),
    title,
    location: instruction.location,
    source: instruction.source,
    // The kernel finds the script's interpreter; history shows the shell, as BuildKit's does.
    args: file === undefined ? shown : [file.path],
    env: state.environment(),
    hiddenEnv: options.hiddenEnv,
    cwd: state.cwd,
    user: state.config.User ?? '',
    network: network(instruction.network, options.network),
    ...(insecure ? { insecure } : {}),
    ...(options.hostname ? { hostname: options.hostname } : {}),
    mounts,
    ...(agent === undefined || state.variables.has('SSH_AUTH_SOCK') ? {} : { agent: agent.target }),
    ...(file === undefined ? {} : { script: file }),
  };
  state.steps.push(step);
  state.note(runHistory(state.shownArgs(), shown), instruction, step.id);
}

function network(word: Word | undefined, fallback: RunNetwork): RunNetwork {
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

/** Values of `--allow`, with what they give to a command. */
const ENTITLEMENTS = {
  insecure: { name: 'security.insecure', gives: 'rights over this machine' },
  hostNetwork: { name: 'network.host', gives: "all services on this machine's loopback" },
};

function notAllowed(
  { source }: RunInstruction,
  { location }: Word,
  flag: string,
  { name, gives }: { name: string; gives: string },
): JettisonError {
  return new JettisonError('NOT_ALLOWED', `RUN ${flag} is not allowed for this build`, {
    location,
    source,
    hint: `It gives the command ${gives}. If you trust the Dockerfile, build with --allow ${name}.`,
  });
}

function noDevices({ source }: RunInstruction, { text, location }: Word): JettisonError {
  const [name] = text.split(',', 1);
  return new JettisonError('DEVICE_UNSUPPORTED', `RUN --device=${text}: CDI devices are not supported`, {
    location,
    source,
    hint: `Leave out --device if the command does without ${name}; otherwise build it where BuildKit has that device.`,
  });
}
