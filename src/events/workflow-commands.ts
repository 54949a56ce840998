import { randomUUID } from 'node:crypto';

/**
 * The two forms of workflow commands: `::name::` at the beginning of a line, and `##[name]` anywhere in it. What ends a
 * line for the runner is in the middle of one for us.
 */
const COMMAND = /(?:^|[\r\n])[^\w\r\n]*::|##\[/;

/** The runner compares as its language does, which looks over characters that nobody sees. */
const UNSEEN = /[^\x20-\x7e\r\n]/g;

/** Whether a text could be taken for a workflow command of GitHub Actions, or hold one. */
export function mayBeCommand(text: string): boolean {
  return COMMAND.test(text.replace(UNSEEN, ''));
}

/** A workflow command: `::warning file=Dockerfile,line=3::text`. */
export function workflowCommand(name: string, text: string, properties: Record<string, string> = {}): string {
  const given = Object.entries(properties).map(([key, value]) => `${key}=${property(value)}`);
  return `::${name}${given.length === 0 ? '' : ` ${given.join(',')}`}::${data(text)}`;
}

function data(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}

/** Has a stretch of a log read as text: a pair of lines that nobody else can know. */
export function stopCommands(): { stop: string; resume: string } {
  const token = randomUUID();
  return { stop: `::stop-commands::${token}`, resume: `::${token}::` };
}

/** Lines of others, among which no workflow command counts. */
export function withoutCommands(lines: readonly string[]): string[] {
  if (!lines.some(mayBeCommand)) return [...lines];
  const { stop, resume } = stopCommands();
  return [stop, ...lines, resume];
}
