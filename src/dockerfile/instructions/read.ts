import type { Instruction } from '../ast.ts';
import { failure, kindOf, type Statement } from '../statement.ts';
import { findDidYouMean } from '../suggest.ts';
import { readShell, readStartCommand } from './command.ts';
import { readCopy } from './copy.ts';
import { readFrom } from './from.ts';
import { readHealthcheck } from './healthcheck.ts';
import { readOnbuild } from './onbuild.ts';
import { readArg, readPairs } from './pairs.ts';
import { readExpose, readValue, readVolume } from './plain.ts';
import { readRun } from './run.ts';

const READERS: Record<Instruction['kind'], (statement: Statement) => Instruction> = {
  ADD: readCopy,
  ARG: readArg,
  CMD: readStartCommand,
  COPY: readCopy,
  ENTRYPOINT: readStartCommand,
  ENV: readPairs,
  EXPOSE: readExpose,
  FROM: readFrom,
  HEALTHCHECK: readHealthcheck,
  LABEL: readPairs,
  MAINTAINER: readValue,
  ONBUILD: (statement) => readOnbuild(statement, readInstruction),
  RUN: readRun,
  SHELL: readShell,
  STOPSIGNAL: readValue,
  USER: readValue,
  VOLUME: readVolume,
  WORKDIR: readValue,
};

/** Parses a statement as the instruction of its keyword. */
export function readInstruction(statement: Statement): Instruction {
  const kind = kindOf(statement);
  if (Object.hasOwn(READERS, kind)) return READERS[kind as Instruction['kind']](statement);
  const written = statement.keyword.text;
  const meant = findDidYouMean(written, Object.keys(READERS));
  throw failure(
    statement,
    'UNKNOWN_INSTRUCTION',
    written === '' ? 'this line has no instruction' : `unknown instruction "${written}"`,
    {
      location: statement.keyword.location,
      hint: meant
        ? `Did you mean ${meant}?`
        : 'If it belongs to the instruction above, that one must end with the escape character.',
    },
  );
}
