import type { Flag, Word } from './ast.ts';
import { failure, kindOf, type Statement } from './statement.ts';
import { findDidYouMean } from './suggest.ts';

/** `value`: `--name=value` once; `values`: any number of times; `switch`: `--name`, `--name=true` or `=false`. */
export type FlagKind = 'value' | 'values' | 'switch';

/** An instruction's flags, checked. */
export class Flags {
  readonly #flags: Flag[];

  /** @throws JettisonError `UNKNOWN_FLAG`, `DUPLICATE_FLAG`, `FLAG_VALUE` */
  constructor(statement: Statement, known: Record<string, FlagKind> = {}) {
    this.#flags = statement.flags;
    const seen = new Set<string>();
    for (const flag of statement.flags) {
      const kind = Object.hasOwn(known, flag.name) ? known[flag.name] : undefined;
      if (kind === undefined) throw unknownFlag(statement, flag, Object.keys(known));
      if (seen.has(flag.name) && kind !== 'values') {
        throw failure(statement, 'DUPLICATE_FLAG', `duplicate flag --${flag.name}`, {
          location: flag.location,
          hint: 'Keep one of them.',
        });
      }
      seen.add(flag.name);
      checkValue(statement, flag, kind);
    }
  }

  /** The value of a flag that may occur once; undefined for an empty one. */
  value(name: string): Word | undefined {
    const value = this.#flags.find((flag) => flag.name === name)?.value;
    return value?.text === '' ? undefined : value;
  }

  values(name: string): Word[] {
    return this.#flags.flatMap((flag) => (flag.name === name && flag.value ? [flag.value] : []));
  }

  /** `true` for the flag alone, else its value. */
  switch(name: string): Word | true | undefined {
    const flag = this.#flags.find((candidate) => candidate.name === name);
    return flag && (flag.value ?? true);
  }
}

/** The value of a switch of the syntax tree; undefined if it is absent. */
export function switchValue(value: Word | true | undefined): boolean | undefined {
  return value === undefined || value === true ? value : value.text.toLowerCase() === 'true';
}

function checkValue(statement: Statement, flag: Flag, kind: FlagKind): void {
  const text = flag.value?.text;
  if (kind === 'switch') {
    if (text === undefined || /^(?:true|false)$/i.test(text)) return;
    throw failure(statement, 'FLAG_VALUE', `--${flag.name} is true or false, not "${text}"`, {
      location: flag.location,
      hint: `Write --${flag.name} or --${flag.name}=false.`,
    });
  }
  if (text === undefined) {
    throw failure(statement, 'FLAG_VALUE', `--${flag.name} needs a value`, {
      location: flag.location,
      hint: `Write --${flag.name}=<value>, without a space.`,
    });
  }
}

function unknownFlag(statement: Statement, flag: Flag, known: string[]) {
  const kind = kindOf(statement);
  const meant = findDidYouMean(flag.name, known);
  const listed = known.map((name) => `--${name}`).join(', ');
  return failure(statement, 'UNKNOWN_FLAG', `${kind} has no flag --${flag.name}`, {
    location: flag.location,
    hint: meant
      ? `Did you mean --${meant}?`
      : known.length === 0
        ? `${kind} takes no flags. To begin an argument with --, put -- before it.`
        : `It takes ${listed}.`,
  });
}
