import type { HealthcheckInstruction, Word } from '../ast.ts';
import { parseDuration } from '../duration.ts';
import { Flags } from '../flags.ts';
import { isSpace, trim } from '../scan.ts';
import { common, failure, readCommand, type Statement } from '../statement.ts';

const MINIMUM_NANOSECONDS = 1e6;
const MAXIMUM_RETRIES = 2 ** 31 - 1;

/** `HEALTHCHECK NONE` or `HEALTHCHECK [options] CMD command` */
export function readHealthcheck(statement: Statement): HealthcheckInstruction {
  const { line, rest } = statement;
  let end = rest.start;
  while (end < rest.end && !isSpace(line.text[end]!)) end++;
  const type = line.text.slice(rest.start, end);
  const argument = trim(line.text, { start: end, end: rest.end });
  const base = { kind: 'HEALTHCHECK' as const, ...common(statement) };
  if (type.toUpperCase() === 'NONE') {
    if (argument.end > argument.start) {
      throw failure(statement, 'HEALTHCHECK_INVALID', 'HEALTHCHECK NONE takes no arguments', {
        location: line.locate(argument.start, argument.end),
        hint: 'Leave them out, or write HEALTHCHECK CMD and the command.',
      });
    }
    // Docker ignores the options here.
    return { ...base, check: { type: 'none' } };
  }
  if (type.toUpperCase() !== 'CMD') {
    throw failure(
      statement,
      'HEALTHCHECK_INVALID',
      type === '' ? 'HEALTHCHECK needs CMD or NONE' : `unknown type "${type}" of HEALTHCHECK`,
      { hint: 'Write HEALTHCHECK CMD and the command, or HEALTHCHECK NONE.' },
    );
  }
  const flags = new Flags(statement, {
    interval: 'value',
    timeout: 'value',
    'start-period': 'value',
    'start-interval': 'value',
    retries: 'value',
  });
  const command = readCommand(statement, argument);
  if (command.form === 'exec' ? command.args.length === 0 : command.text === '') {
    throw failure(statement, 'HEALTHCHECK_INVALID', 'HEALTHCHECK CMD has no command', {
      hint: 'Write the command that checks the container after CMD.',
    });
  }
  const interval = duration(statement, flags, 'interval');
  const timeout = duration(statement, flags, 'timeout');
  const startPeriod = duration(statement, flags, 'start-period');
  const startInterval = duration(statement, flags, 'start-interval');
  const retries = readRetries(statement, flags.value('retries'));
  return {
    ...base,
    check: { type: 'command', command },
    ...(interval && { interval }),
    ...(timeout && { timeout }),
    ...(startPeriod && { startPeriod }),
    ...(startInterval && { startInterval }),
    ...(retries && { retries }),
  };
}

function duration(statement: Statement, flags: Flags, name: string): Word | undefined {
  const value = flags.value(name);
  if (!value) return undefined;
  const nanoseconds = parseDuration(value.text);
  if (nanoseconds === 0 || (nanoseconds !== undefined && nanoseconds >= MINIMUM_NANOSECONDS)) return value;
  const problem =
    nanoseconds === undefined
      ? `"${value.text}", which is not a duration`
      : 'less than a millisecond, and not 0';
  throw failure(statement, 'DURATION_INVALID', `--${name} is ${problem}`, {
    location: value.location,
    hint: 'Write a number with a unit: 500ms, 30s, 1m30s or 2h. Variables are not expanded here.',
  });
}

function readRetries(statement: Statement, value: Word | undefined): Word | undefined {
  if (!value) return undefined;
  if (/^[+-]?\d+$/.test(value.text) && Number(value.text) >= 0 && Number(value.text) <= MAXIMUM_RETRIES)
    return value;
  throw failure(statement, 'HEALTHCHECK_INVALID', `--retries cannot be "${value.text}"`, {
    location: value.location,
    hint: 'Write a whole number; 0 means the default of 3.',
  });
}
