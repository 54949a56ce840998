import { JettisonError } from '../../errors/error.ts';
import type { Instruction, OnbuildInstruction } from '../ast.ts';
import { Flags } from '../flags.ts';
import { common, failure, kindOf, readHead, type Statement } from '../statement.ts';

/** Errors that Docker reports at ONBUILD itself; it reports others when the trigger runs. */
const REPORTED_AT_ONCE = new Set(['PAIR_INVALID', 'JSON_NOT_STRINGS']);

/** `ONBUILD instruction`: `read` reads the instruction. */
export function readOnbuild(
  statement: Statement,
  read: (trigger: Statement) => Instruction,
): OnbuildInstruction {
  const { line, rest, heredocs } = statement;
  new Flags(statement);
  const trigger: Statement = {
    ...statement,
    ...readHead(line, rest),
    location: line.locate(rest.start, rest.end),
    comments: [],
  };
  checkTrigger(statement, trigger);
  const bodies = heredocs.map(({ name, body, raw }) => `\n${raw ?? body}${name}`);
  const text = line.text.slice(rest.start) + bodies.join('');
  const base = { kind: 'ONBUILD' as const, ...common(statement), text };
  try {
    return { ...base, trigger: read(trigger) };
  } catch (error) {
    if (error instanceof JettisonError && !REPORTED_AT_ONCE.has(error.code)) return base;
    throw error;
  }
}

function checkTrigger(statement: Statement, trigger: Statement): void {
  const kind = kindOf(trigger);
  if (kind === '') {
    throw failure(statement, 'DOCKERFILE_SYNTAX', 'ONBUILD needs an instruction', {
      hint: 'Write for example ONBUILD COPY . .',
    });
  }
  if (kind === 'ONBUILD' || kind === 'FROM' || kind === 'MAINTAINER') {
    throw failure(statement, 'ONBUILD_TRIGGER', `${kind} cannot be a trigger of ONBUILD`, {
      location: trigger.keyword.location,
      hint: 'Every other instruction can be one.',
    });
  }
}
