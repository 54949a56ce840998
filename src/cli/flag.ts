import { type ParseArgsConfig, parseArgs } from 'node:util';
import { EXIT, JettisonError, usageError } from '../errors/error.ts';
import { unknownFlag } from './unknown.ts';

/**
 * What a flag changes: the steps (their keys or their inputs), the result that is made of them, or the output on
 * the terminal. `jettison debug` remembers the flags of a failed build that affect steps.
 */
export type Affects = 'steps' | 'result' | 'display';

/** The part of `Io` that values of flags may depend on. */
export interface FlagIo {
  env: NodeJS.ProcessEnv;
  cwd: string;
}

/**
 * The one definition of a flag. Its name is its key in the command's table. The parser, `--help`, "did you mean",
 * completion, the man pages, the tables in docs/ and what `jettison debug` remembers come from it.
 */
export interface Flag {
  /** One letter: `f` for `-f`. */
  short?: string;
  /** The value as `--help` shows it, e.g. `FILE`. A flag without it is a switch, and takes `=true` and `=false`. */
  value?: string;
  /**
   * Of a flag whose value may be left out: the value that it has then, and the next arguments that are values all the
   * same (`--sbom false`, but not `--sbom .`).
   */
  bare?: { value: string; takes: RegExp };
  /** It may be given several times: its values are an array. */
  many?: true;
  /** The only values that it takes. */
  values?: readonly string[];
  /** Values, or beginnings of values, that completion offers. */
  suggest?: readonly string[];
  /** Its description in `--help`. */
  help: string;
  /** Required of the flags of `build`. */
  affects?: Affects;
  /** For values that must not be recorded: the part that may be shown. */
  withheld?(value: string): string | undefined;
  /**
   * Checks a value and turns it into what the command uses. Its error is shown with the flag's name.
   *
   * @throws JettisonError
   */
  parse?(text: string, io: FlagIo): unknown;
}

export type FlagTable = Record<string, Flag>;

type One<F> = F extends { parse(text: string, ...rest: never[]): infer T }
  ? T
  : F extends { values: readonly (infer V)[] }
    ? V
    : F extends { value: string }
      ? string
      : boolean;

/** The type of a flag's value: switches are false, and lists are empty, where the flag is not given. */
export type ValueOf<F> = F extends { many: true }
  ? One<F>[]
  : F extends { value: string }
    ? One<F> | undefined
    : boolean;

/** The parsed values of a table. */
export type Values<T> = { -readonly [K in keyof T]: ValueOf<T[K]> };

/** A flag as it was given: a switch has a boolean. */
export interface GivenFlag {
  name: string;
  value: string | boolean;
}

/** A command line, split. */
export interface Arguments {
  /** In the order of the command line. */
  given: GivenFlag[];
  args: string[];
}

export interface ReadOptions {
  /** Shown as the hint of errors: `Usage: …`. */
  usage: string;
  /** Flags end at the first argument: everything from there on belongs to another program. */
  endAtArgument?: boolean | undefined;
}

/**
 * Splits a command line into flags and arguments.
 *
 * @throws JettisonError `USAGE` for an unknown flag, a missing value, or a switch that is neither true nor false
 */
export function readArguments(
  table: FlagTable,
  line: readonly string[],
  { usage, endAtArgument }: ReadOptions,
): Arguments {
  const joined = withBareValues(
    table,
    line.map((arg) => longSwitch(table, arg)),
  );
  const { tokens } = parseArgs({
    args: joined,
    options: parserOptions(table),
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  const result: Arguments = { given: [], args: [] };
  for (const token of tokens) {
    if (token.kind === 'positional') {
      if (endAtArgument) {
        result.args = line.slice(token.index);
        break;
      }
      result.args.push(token.value);
    } else if (token.kind === 'option') {
      const flag = Object.hasOwn(table, token.name) ? table[token.name]! : undefined;
      if (flag === undefined) throw unknownFlag(token.rawName, table, usage);
      const { name, value, inlineValue } = token;
      if (flag.value === undefined) {
        result.given.push({ name, value: switchValue(token.rawName, value) });
      } else if (value === undefined || (!inlineValue && value.length > 1 && value.startsWith('-'))) {
        throw missingValue(name, flag, value, usage);
      } else {
        result.given.push({ name, value });
      }
    }
  }
  return result;
}

/**
 * Checks the values of flags and gives them their types.
 *
 * @throws JettisonError with the exit code 2 that names the flag
 */
export function valuesOf<T extends FlagTable>(table: T, given: readonly GivenFlag[], io: FlagIo): Values<T> {
  const values: Record<string, unknown> = {};
  for (const [name, { value, many }] of Object.entries(table)) {
    values[name] = many ? [] : value === undefined ? false : undefined;
  }
  for (const { name, value } of given) {
    const flag = table[name]!;
    const parsed = typeof value === 'string' ? parsedValue(name, flag, value, io) : value;
    if (flag.many) (values[name] as unknown[]).push(parsed);
    else values[name] = parsed;
  }
  return values as Values<T>;
}

function parsedValue(name: string, { values, parse }: Flag, text: string, io: FlagIo): unknown {
  if (values !== undefined && !values.includes(text)) {
    throw usageError(`invalid --${name} "${text}"`, `The values are ${listed(values)}.`);
  }
  return parse === undefined ? text : asUsage(`--${name}`, () => parse(text, io));
}

/** An error about a value becomes one about the command line: it names the flag, and its exit code is 2. */
export function asUsage<T>(flag: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof JettisonError)) throw error;
    const { message } = error;
    throw error.with({
      message: message.includes(flag) ? message : `${flag}: ${message}`,
      exitCode: EXIT.usage,
    });
  }
}

function listed(values: readonly string[]): string {
  return values.length < 2 ? values.join() : `${values.slice(0, -1).join(', ')} and ${values.at(-1)}`;
}

function parserOptions(table: FlagTable): NonNullable<ParseArgsConfig['options']> {
  const options: NonNullable<ParseArgsConfig['options']> = {};
  for (const [name, { short, value }] of Object.entries(table)) {
    options[name] = {
      type: value === undefined ? 'boolean' : 'string',
      ...(short === undefined ? {} : { short }),
    };
  }
  return options;
}

/** Gives flags whose value was left out the value that they have then. */
function withBareValues(table: FlagTable, line: readonly string[]): string[] {
  const result: string[] = [];
  for (let at = 0; at < line.length; at++) {
    const arg = line[at]!;
    if (arg === '--') return [...result, ...line.slice(at)];
    const name = arg.startsWith('--') ? arg.slice(2) : '';
    const bare = Object.hasOwn(table, name) ? table[name]!.bare : undefined;
    if (bare === undefined) result.push(arg);
    else if (bare.takes.test(line[at + 1] ?? '')) result.push(`${arg}=${line[++at]}`);
    else result.push(`${arg}=${bare.value}`);
  }
  return result;
}

/** `-q=false` as the parser takes it: `--quiet=false`. */
function longSwitch(table: FlagTable, arg: string): string {
  const [, letter, value] = /^-([A-Za-z])=(true|false|1|0)$/.exec(arg) ?? [];
  if (letter === undefined) return arg;
  const flag = Object.entries(table).find(([, { short, value }]) => short === letter && value === undefined);
  return flag === undefined ? arg : `--${flag[0]}=${value}`;
}

function switchValue(flag: string, text: string | undefined): boolean {
  if (text === undefined || text === 'true' || text === '1') return true;
  if (text === 'false' || text === '0') return false;
  throw usageError(`invalid ${flag} "${text}"`, `Write ${flag}, ${flag}=true or ${flag}=false.`);
}

function missingValue(name: string, flag: Flag, next: string | undefined, usage: string): JettisonError {
  const form = flagNames(name, flag).join(', ');
  return next === undefined
    ? usageError(`${form} has no value`, usage)
    : usageError(
        `${form} has no value: "${next}" looks like a flag`,
        `Write --${name}=${next} if it is the value.`,
      );
}

/** `-f` and `--file`, the short one first. */
export function flagNames(name: string, { short }: Flag): string[] {
  return short === undefined ? [`--${name}`] : [`-${short}`, `--${name}`];
}

/** How a flag is written: `-f, --file FILE`. */
export function flagForm(name: string, flag: Flag): string {
  const names = flagNames(name, flag).join(', ');
  if (flag.bare !== undefined) return `${names}[=${flag.value}]`;
  return flag.value === undefined ? names : `${names} ${flag.value}`;
}
