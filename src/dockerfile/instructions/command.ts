import type { CommandInstruction, ShellInstruction } from '../ast.ts';
import { Flags } from '../flags.ts';
import { jsonFault } from '../json-form.ts';
import { common, failure, jsonWords, kindOf, readCommand, type Statement } from '../statement.ts';

/** `CMD …` and `ENTRYPOINT …`; both may be empty. */
export function readStartCommand(statement: Statement): CommandInstruction {
  new Flags(statement);
  return {
    kind: kindOf(statement) as CommandInstruction['kind'],
    ...common(statement),
    command: readCommand(statement, statement.rest),
  };
}

/** `SHELL ["program", "argument"]`: the JSON form only. */
export function readShell(statement: Statement): ShellInstruction {
  new Flags(statement);
  const words = jsonWords(statement, statement.rest);
  if (!words || words.length === 0) {
    const fault = words === undefined ? jsonFault(statement.line, statement.rest) : undefined;
    const reason = fault === undefined ? '' : `: ${fault.message}`;
    const message = `SHELL takes a program and its arguments as a JSON array${reason}`;
    throw failure(statement, 'DOCKERFILE_SYNTAX', message, {
      ...(fault === undefined ? {} : { location: fault.location }),
      hint: 'Write for example SHELL ["/bin/bash", "-c"].',
    });
  }
  return { kind: 'SHELL', ...common(statement), args: words.map((word) => word.text) };
}
