import type { Command, Heredoc } from './ast.ts';
import { parseHeredocSign } from './heredoc.ts';

/** The command of a RUN: an argument list, a shell script, or a file to execute. */
export type RunScript =
  | { kind: 'exec'; args: string[] }
  /** Text for the stage's shell. */
  | { kind: 'shell'; text: string }
  /** A here-document with a `#!` line, which is written to a file of that name and executed. */
  | { kind: 'file'; name: string; data: string };

/** Resolves a RUN's here-documents. The shell expands the variables in them. */
export function runScript({ command, heredocs }: { command: Command; heredocs: Heredoc[] }): RunScript {
  if (command.form === 'exec') return { kind: 'exec', args: command.args };
  const [first] = heredocs;
  if (!first) return { kind: 'shell', text: command.text };
  // The here-document is the whole command: its body is executed.
  if (parseHeredocSign(command.text)) {
    // `body` is without the tabs that `<<-` strips.
    const script = first.body.startsWith('#!');
    return script
      ? { kind: 'file', name: first.name, data: first.body }
      : { kind: 'shell', text: first.body };
  }
  const bodies = heredocs.map(({ name, body, raw }) => `\n${raw ?? body}${name}`);
  return { kind: 'shell', text: command.text + bodies.join('') };
}
