import { JettisonError } from '../../errors/error.ts';

/** A parsed `--chmod`. */
export interface ModeChange {
  /** The mode, if given in octal: created directories get it, too. */
  octal?: number;
  /** @param mode the source's permission bits, 0 to 0o7777 */
  apply(mode: number, directory: boolean): number;
}

const STICKY = 0o1000;
/** Bits of a clause without `u`, `g`, `o` or `a`. */
const EVERYONE = 0o6777;
const WHO: Record<string, number> = { u: 0o4700, g: 0o2070, o: 0o0007, a: EVERYONE };
const PERMISSION: Record<string, number> = { r: 0o444, w: 0o222, x: 0o111 };
const SHIFT: Record<string, number> = { u: 6, g: 3, o: 0 };

type Change = (mode: number, original: number, directory: boolean) => number;

/**
 * Parses `--chmod`: an octal number from 0 to 07777, or symbolic clauses as in chmod(1), e.g. `u=rwX,go=rX`. Independent
 * of the process's umask.
 *
 * @throws JettisonError `CHMOD_INVALID`
 */
export function parseMode(text: string): ModeChange {
  if (/^[0-9]/.test(text)) {
    const octal = /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number.NaN;
    if (!(octal <= 0o7777)) throw invalid(text, 'An octal mode is a number from 0 to 07777.');
    return { octal, apply: () => octal };
  }
  const changes = text.split(',').flatMap((clause) => parseClause(clause, text));
  return {
    apply: (mode, directory) => changes.reduce((now, change) => change(now, mode, directory), mode),
  };
}

function parseClause(clause: string, text: string): Change[] {
  const [, letters, rest] = /^([ugoa]*)((?:[-+=][rwxXstugo]*)+)$/.exec(clause) ?? [];
  if (letters === undefined || rest === undefined) {
    throw invalid(text, 'A symbolic mode looks like u=rwX,go=rX; an octal one like 755.');
  }
  const who = [...letters].reduce((bits, letter) => bits | WHO[letter]!, 0);
  return [...rest.matchAll(/([-+=])([rwxXstugo]*)/g)].flatMap(([, operator, permissions]) =>
    parseOperation(operator!, permissions!, who),
  );
}

/**
 * An operator with its permissions. A letter `u`, `g` or `o` in them copies that class's present bits, as an operation of
 * its own.
 */
function parseOperation(operator: string, permissions: string, clauseWho: number): Change[] {
  const changes: Change[] = [];
  let who = clauseWho;
  let bits = 0;
  let executable = false;
  let copied = false;
  const flush = () => {
    changes.push(change(operator, who, bits, executable));
    bits = 0;
    executable = false;
  };
  for (const letter of permissions) {
    if (letter in SHIFT) {
      if (bits !== 0 || executable) flush();
      changes.push(copy(operator, who, SHIFT[letter]!));
      copied = true;
    } else if (letter === 'X') {
      executable = true;
    } else if (letter === 's' || letter === 't') {
      // s has no meaning for others.
      if (who === WHO['o']) continue;
      if (letter === 's') bits |= 0o6000;
      else {
        bits |= STICKY;
        who |= STICKY;
      }
    } else {
      bits |= PERMISSION[letter]!;
    }
  }
  if (bits !== 0 || executable || !copied) flush();
  return changes;
}

function change(operator: string, who: number, bits: number, executable: boolean): Change {
  const mask = who === 0 ? EVERYONE : who;
  return (mode, original, directory) => {
    // `X` depends on the original mode, not on earlier clauses.
    const wanted = (executable && (directory || (original & 0o111) !== 0) ? bits | 0o111 : bits) & mask;
    if (operator === '+') return mode | wanted;
    if (operator === '-') return mode & ~wanted;
    return (mode & ~mask) | wanted;
  };
}

function copy(operator: string, who: number, shift: number): Change {
  const mask = (who === 0 ? EVERYONE : who) & 0o777;
  return (mode) => {
    const wanted = (((mode >> shift) & 7) * 0o111) & mask;
    if (operator === '+') return mode | wanted;
    if (operator === '-') return mode & ~wanted;
    return (mode & ~mask) | wanted;
  };
}

function invalid(text: string, hint: string): JettisonError {
  return new JettisonError('CHMOD_INVALID', `--chmod=${text} is not a mode`, { hint });
}
