import type { ListInstruction, ValueInstruction } from '../ast.ts';
import { Flags } from '../flags.ts';
import { splitBlank } from '../scan.ts';
import { common, failure, jsonWords, kindOf, restWord, type Statement } from '../statement.ts';

const EXAMPLES: Record<string, string> = {
  WORKDIR: 'WORKDIR /app',
  USER: 'USER node',
  STOPSIGNAL: 'STOPSIGNAL SIGTERM',
  MAINTAINER: 'MAINTAINER name',
  EXPOSE: 'EXPOSE 8080',
  VOLUME: 'VOLUME /data',
};

/** WORKDIR, USER, STOPSIGNAL, MAINTAINER: the rest of the line is one value. */
export function readValue(statement: Statement): ValueInstruction {
  const kind = kindOf(statement) as ValueInstruction['kind'];
  // Docker ignores words before a signal that look like flags.
  if (kind !== 'STOPSIGNAL') new Flags(statement);
  const value = restWord(statement);
  if (value.text === '') throw empty(statement);
  return { kind, ...common(statement), value };
}

/** `EXPOSE port…` */
export function readExpose(statement: Statement): ListInstruction {
  new Flags(statement);
  const words = splitBlank(statement.line, statement.rest);
  if (words.length === 0) throw empty(statement);
  return { kind: 'EXPOSE', ...common(statement), words };
}

/** `VOLUME path…`, or in JSON form */
export function readVolume(statement: Statement): ListInstruction {
  new Flags(statement);
  const json = jsonWords(statement, statement.rest);
  const words = (json ?? splitBlank(statement.line, statement.rest)).map((word) => ({
    ...word,
    text: word.text.trim(),
  }));
  if (words.length === 0 || words.some((word) => word.text === '')) throw empty(statement);
  return { kind: 'VOLUME', ...common(statement), words };
}

function empty(statement: Statement) {
  const kind = kindOf(statement);
  return failure(statement, 'DOCKERFILE_SYNTAX', `${kind} needs an argument`, {
    hint: `Write for example ${EXAMPLES[kind]}.`,
  });
}
