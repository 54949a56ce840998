import { type ParseArgsConfig, parseArgs } from 'node:util';
import { EXIT, JettisonError, usageError } from '../errors/error.ts';
import { unknownFlag } from './unknown.ts';

/**
 * What a flag changes: the steps (keys or inputs), the resulting image, or the output on the terminal. `jettison debug`
 * repeats the flags of a failed build that affect steps.
 */
export type Affects = 'steps' | 'result' | 'display';

/** The part of `Io` for parsing values of flags. */
export interface FlagIo {
  env: NodeJS.ProcessEnv;
  cwd: string;
}

/**
 * The only definition of a flag. Its name is its key in the command's table. The parser, `--help`, "did you mean",
 * completion, the man pages, the tables in docs/ and the flags that `jettison debug` repeats come from it.
 */
export interface Flag {
  /** One letter: `f` for `-f`. */
  short?: string;
  /** Placeholder of the value in `--help`, e.g. `FILE`. A flag without it is a switch, with `=true` and `=false`. */
  value?: string;
  /**
   * Of a flag whose value may be left out: the value that it has then, and the next arguments that are values all the
   * same (`--sbom false`, but not `--sbom .`).
   */
  bare?: { value: string; takes: RegExp };
  /** It may be given several times: its values are an array. */
  many?: true;
  /** All valid values. */
  values?: readonly string[];
  /** Values, or prefixes of values, for completion. */
  suggest?: readonly string[];
  /** Its description in `--help`. */
  help: string;
  /** Required of the flags of `build`. */
  affects?: Affects;
  /** The part of a value that may be recorded, for values that may be secret; undefined for other values. */
  withheld?(value: string): string | undefined;
  /**
   * Parses a value. The flag's name is added to its errors.
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

/** The type of a flag's value. Without the flag, switches are false, lists empty, and others undefined. */
export type ValueOf<F> = F extends { many: true }
  ? One<F>[]
  : F extends { value: string }
    ? One<F> | undefined
    : boolean;

/** The parsed values of a table. */
export type Values<T> = { -readonly [K in keyof T]: ValueOf<T[K]> };

/** A flag of a command line. A switch has a boolean value. */
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
  /** Flags end at the first argument: the rest belongs to another program. */
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
 * Parses the values of flags.
 *
 * @throws JettisonError with exit code 2, which names the flag
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

/** Runs a parser. Its errors get the flag's name, and exit code 2. */
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

/** Converts `-q=false` to `--quiet=false`, which the parser accepts. */
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

/** The syntax of a flag: `-f, --file FILE`. */
export function flagForm(name: string, flag: Flag): string {
  const names = flagNames(name, flag).join(', ');
  if (flag.bare !== undefined) return `${names}[=${flag.value}]`;
  return flag.value === undefined ? names : `${names} ${flag.value}`;
}
