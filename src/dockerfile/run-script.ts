import type { Command, Heredoc } from './ast.ts';
import { parseHeredocSign } from './heredoc.ts';

/** The script of a RUN: for its shell, or a program of its own. */
export type RunScript =
  | { kind: 'exec'; args: string[] }
  /** Text for the stage's shell. */
  | { kind: 'shell'; text: string }
  /** A here-document with a `#!` line: a file of that name is made and run. */
  | { kind: 'file'; name: string; data: string };

/** Resolves a RUN's here-documents. The shell expands the variables in them. */
export function runScript({ command, heredocs }: { command: Command; heredocs: Heredoc[] }): RunScript {
  if (command.form === 'exec') return { kind: 'exec', args: command.args };
  const [first] = heredocs;
  if (!first) return { kind: 'shell', text: command.text };
  // The here-document is the whole command: its body is what runs.
  if (parseHeredocSign(command.text)) {
    // Tabs that `<<-` takes away are gone by then.
    const script = first.body.startsWith('#!');
    return script
      ? { kind: 'file', name: first.name, data: first.body }
      : { kind: 'shell', text: first.body };
  }
  const bodies = heredocs.map(({ name, body, raw }) => `\n${raw ?? body}${name}`);
  return { kind: 'shell', text: command.text + bodies.join('') };
}
