import type { ArgInstruction, PairsInstruction, Word } from '../ast.ts';
import { Flags } from '../flags.ts';
import { isBlank, splitQuoted } from '../scan.ts';
import { common, failure, kindOf, type Statement } from '../statement.ts';

/** `ENV name=value …`, `LABEL name=value …`, or the old form `ENV name rest of the line`. */
export function readPairs(statement: Statement): PairsInstruction {
  const kind = kindOf(statement) as PairsInstruction['kind'];
  new Flags(statement);
  const words = splitQuoted(statement.line, statement.rest, statement.escape);
  if (words.length === 0) {
    throw failure(statement, 'DOCKERFILE_SYNTAX', `${kind} needs at least one name with its value`, {
      hint: `Write ${kind} name=value.`,
    });
  }
  const legacy = !words[0]!.text.includes('=');
  const pairs = legacy ? [legacyPair(statement, kind)] : words.map((word) => pair(statement, kind, word));
  for (const { key } of pairs) {
    if (key.text !== '') continue;
    throw failure(statement, 'DOCKERFILE_SYNTAX', `${kind} has a value here without a name`, {
      location: key.location,
      hint: `Write ${kind} name=value.`,
    });
  }
  return { kind, ...common(statement), pairs, legacy };
}

/** `ARG name[=default] …`. As in Docker, words that look like flags are ignored. */
export function readArg(statement: Statement): ArgInstruction {
  const words = splitQuoted(statement.line, statement.rest, statement.escape);
  if (words.length === 0) {
    throw failure(statement, 'DOCKERFILE_SYNTAX', 'ARG needs at least one name', {
      hint: 'Write ARG name or ARG name=default.',
    });
  }
  const args = words.map((word) => {
    const { key: name, value } = cut(word);
    if (name.text !== '') return { name, ...(value && { value }) };
    throw failure(statement, 'DOCKERFILE_SYNTAX', 'ARG has a default here without a name', {
      location: word.location,
      hint: 'Write ARG name=default.',
    });
  });
  return { kind: 'ARG', ...common(statement), args };
}

function pair(statement: Statement, kind: string, word: Word): { key: Word; value: Word } {
  const { key, value } = cut(word);
  if (value) return { key, value };
  throw failure(statement, 'PAIR_INVALID', `"${word.text}" has no "="`, {
    location: word.location,
    hint: `Write ${kind} name=value, and put quotes around a value with spaces.`,
  });
}

function legacyPair(statement: Statement, kind: string): { key: Word; value: Word } {
  const { line, rest } = statement;
  let at = rest.start;
  while (at < rest.end && !isBlank(line.text[at]!)) at++;
  const key = line.word(rest.start, at);
  while (at < rest.end && isBlank(line.text[at]!)) at++;
  if (at < rest.end) return { key, value: line.word(at, rest.end) };
  throw failure(statement, 'PAIR_INVALID', `${kind} ${key.text} has no value`, {
    hint: `Write ${kind} ${key.text}=value.`,
  });
}

/** Splits a word at its first `=`. */
function cut({ text, location }: Word): { key: Word; value?: Word } {
  const at = text.indexOf('=');
  if (at < 0) return { key: { text, location } };
  const column = location.column + at + 1;
  return {
    key: { text: text.slice(0, at), location },
    value: { text: text.slice(at + 1), location: { ...location, column } },
  };
}
