import type { Command, HealthcheckInstruction, Instruction, Word } from '../dockerfile/ast.ts';
import { parseDuration } from '../dockerfile/duration.ts';
import { isSignal } from '../dockerfile/is-signal.ts';
import { parsePorts } from '../dockerfile/ports.ts';
import { JettisonError } from '../errors/error.ts';
import type { Healthcheck } from '../image/types.ts';
import { goQuote, healthcheckHistory, plainList, quotedList } from './history.ts';
import type { StageState } from './stage-state.ts';

/** Instructions that only change the config. */
type MetadataInstruction = Exclude<
  Instruction,
  { kind: 'FROM' | 'ARG' | 'COPY' | 'ADD' | 'RUN' | 'WORKDIR' }
>;

/** Applies one metadata instruction to a stage. @throws JettisonError for values that Docker rejects */
export function applyMetadata(state: StageState, instruction: MetadataInstruction): void {
  const { config } = state;
  const note = (createdBy: string) => state.note(createdBy, instruction);
  switch (instruction.kind) {
    case 'ENV': {
      // All pairs are expanded first: none sees another one of its instruction.
      const pairs = instruction.pairs.map(({ key, value }) => [state.text(key), state.text(value)] as const);
      for (const [key, value] of pairs) {
        state.setEnv(key, value);
        state.rules.check('variable', {
          instruction: 'ENV',
          name: key,
          value,
          location: instruction.location,
        });
      }
      note(`ENV ${pairs.map(([key, value]) => `${key}=${value}`).join(' ')}`);
      return;
    }
    case 'LABEL': {
      const pairs = instruction.pairs.map(({ key, value }) => [state.text(key), state.text(value)] as const);
      state.addTo('Labels', pairs);
      note(`LABEL ${pairs.map(([key, value]) => `${key}=${value}`).join(' ')}`);
      return;
    }
    case 'CMD': {
      const command = commandLine(state, instruction.command);
      state.commandSet = true;
      config.ArgsEscaped = true;
      set(config, 'Cmd', command);
      note(`CMD ${quotedList(command)}`);
      return;
    }
    case 'ENTRYPOINT': {
      const command = commandLine(state, instruction.command);
      set(config, 'Entrypoint', command);
      if (!state.commandSet) delete config.Cmd;
      note(`ENTRYPOINT ${quotedList(command)}`);
      return;
    }
    case 'EXPOSE': {
      // Docker sorts the words as written, before it expands variables.
      const ports = [...instruction.words]
        .sort((a, b) => (a.text < b.text ? -1 : 1))
        .flatMap((word) => state.list(word))
        .flatMap((word) => portsOf(state, word, instruction));
      if (ports.length > 0) {
        state.addTo(
          'ExposedPorts',
          ports.map((port) => [port, {}] as const),
        );
      }
      note(`EXPOSE ${plainList(ports)}`);
      return;
    }
    case 'VOLUME': {
      const paths = instruction.words.map((word) => nonEmpty(state.text(word).trim(), word, 'VOLUME'));
      state.addTo(
        'Volumes',
        paths.map((path) => [path, {}] as const),
      );
      note(`VOLUME ${plainList(paths)}`);
      return;
    }
    case 'USER':
      config.User = state.text(instruction.value);
      note(`USER ${config.User}`);
      return;
    case 'STOPSIGNAL':
      config.StopSignal = signalOf(state.text(instruction.value), instruction);
      note(`STOPSIGNAL ${config.StopSignal}`);
      return;
    case 'SHELL':
      config.Shell = instruction.args;
      note(`SHELL ${plainList(instruction.args)}`);
      return;
    case 'HEALTHCHECK':
      config.Healthcheck = healthcheck(instruction);
      note(healthcheckHistory(config.Healthcheck));
      return;
    case 'MAINTAINER':
      state.author = instruction.value.text;
      note(`MAINTAINER ${instruction.value.text}`);
      return;
    case 'ONBUILD':
      // Docker writes no history for it.
      state.addTrigger(instruction.text);
      return;
  }
}

/** Sets a member, or deletes it for an empty list, as Docker does. */
function set(config: StageState['config'], member: 'Cmd' | 'Entrypoint', command: string[]): void {
  if (command.length === 0) delete config[member];
  else config[member] = command;
}

function commandLine(state: StageState, command: Command): string[] {
  return command.form === 'exec' ? command.args : [...state.shell, command.text];
}

function portsOf(state: StageState, word: string, { location, source }: Instruction): string[] {
  const read = parsePorts(word);
  if (typeof read === 'string') {
    throw new JettisonError('EXPOSE_INVALID', `invalid port "${word}" in EXPOSE`, {
      location,
      source,
      hint: read,
    });
  }
  state.rules.check('port', { written: word, ports: read, location });
  return read.ports;
}

function signalOf(text: string, { location, source }: Instruction): string {
  if (isSignal(text)) return text;
  throw new JettisonError('SIGNAL_INVALID', `invalid signal "${text}"`, {
    location,
    source,
    hint: 'Write a name such as SIGTERM or QUIT, or a number.',
  });
}

function nonEmpty(text: string, word: Word, keyword: string): string {
  if (text !== '') return text;
  throw new JettisonError('VALUE_EMPTY', `${keyword} has an empty argument: ${goQuote(word.text)}`, {
    location: word.location,
    hint: 'Give it a value, or a default to the variable: ${NAME:-value}.',
  });
}

/** Docker accepts 0 (the default) or at least a millisecond: nanoseconds. */
const SHORTEST = 1e6;

function healthcheck(instruction: HealthcheckInstruction): Healthcheck {
  if (instruction.check.type === 'none') return { Test: ['NONE'] };
  const { command } = instruction.check;
  const check: Healthcheck = {
    Test: command.form === 'exec' ? ['CMD', ...command.args] : ['CMD-SHELL', command.text],
  };
  const durations = {
    Interval: instruction.interval,
    Timeout: instruction.timeout,
    StartPeriod: instruction.startPeriod,
    StartInterval: instruction.startInterval,
  };
  for (const [name, word] of Object.entries(durations)) {
    if (word === undefined) continue;
    const value = parseDuration(word.text);
    if (value === undefined || value < 0 || (value > 0 && value < SHORTEST)) {
      const problem = value === undefined ? 'is not a duration' : 'is shorter than a millisecond';
      throw new JettisonError('HEALTHCHECK_INVALID', `"${word.text}" ${problem}`, {
        location: word.location,
        hint: 'Write a duration such as 30s, 1m30s or 500ms; 0 means the default.',
      });
    }
    if (value > 0) check[name as keyof typeof durations] = value;
  }
  if (instruction.retries !== undefined) {
    const retries = Number(instruction.retries.text);
    if (!/^\+?\d+$/.test(instruction.retries.text) || retries < 0) {
      throw new JettisonError(
        'HEALTHCHECK_INVALID',
        `"${instruction.retries.text}" is not a number of retries`,
        {
          location: instruction.retries.location,
          hint: 'Write a whole number; 0 means the default of 3.',
        },
      );
    }
    if (retries > 0) check.Retries = retries;
  }
  return check;
}
