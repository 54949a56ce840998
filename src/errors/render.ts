import { JettisonError, type Location } from './error.ts';
import { visible, visibleLine, withoutCredentials } from './safe-text.ts';
import { type Style, style } from './style.ts';

/** Lines of a long instruction that are shown before the error's line. */
const LINES_BEFORE = 3;
const LINES_AFTER = 2;

export interface RenderOptions {
  color: boolean;
  /** Show the stack trace of every error, not only of bugs. */
  stack?: boolean;
}

/**
 * The text of an error for a terminal, ending in a newline: message, location, the source line with carets, hint. Any
 * error but a JettisonError is a bug, and is shown with its stack.
 */
export function renderError(error: unknown, options: RenderOptions): string {
  const paint = style(options.color);
  if (!(error instanceof JettisonError)) return renderBug(error, paint);

  const lines = [`${paint.red(paint.bold('error:'))} ${paint.bold(visible(error.message))}`];
  if (error.location !== undefined) {
    const { file, line, column } = error.location;
    lines.push(`  ${paint.cyan(visibleLine(`${file}:${line}:${column}`))}`);
    if (error.source !== undefined)
      lines.push(...excerpt(error.source, error.location, error.sourceLine, paint));
  }
  for (const hint of error.hint?.split('\n') ?? [])
    lines.push(`${paint.cyan('hint:')} ${visible(capitalised(hint))}`);
  if (options.stack) lines.push(paint.dim(visible(withoutCredentials(stackWithCauses(error)))));
  return `${lines.join('\n')}\n`;
}

/** A warning in the same form as an error, ending in a newline. @param warning.source lines from the location's on */
export function renderWarning(
  warning: {
    code: string;
    message: string;
    hint?: string;
    location?: Location;
    source?: string;
    /** `warning` without it. */
    severity?: 'error' | 'warning' | 'info';
  },
  options: { color: boolean },
): string {
  const paint = style(options.color);
  const at = warning.location;
  const where = at === undefined ? '' : ` ${paint.dim(visibleLine(`(${at.file}:${at.line})`))}`;
  const { severity = 'warning' } = warning;
  const colour = { error: paint.red, warning: paint.yellow, info: paint.cyan }[severity];
  const lines = [
    `${colour(`${severity}:`)} ${visible(withoutCredentials(warning.message))} ${paint.dim(`[${warning.code}]`)}${where}`,
  ];
  if (at !== undefined && warning.source !== undefined)
    lines.push(...excerpt(warning.source, at, undefined, paint));
  if (warning.hint !== undefined)
    lines.push(`  ${paint.cyan('hint:')} ${visible(withoutCredentials(capitalised(warning.hint)))}`);
  return `${lines.join('\n')}\n`;
}

/** Hints are sentences; only names and commands keep their case. */
function capitalised(hint: string): string {
  return /^[a-z]+[ ,:]/.test(hint) && !/^(jettison|docker|podman|npm) /.test(hint)
    ? hint.charAt(0).toUpperCase() + hint.slice(1)
    : hint;
}

/** The instruction's lines with their numbers, and carets under the word at the location's column. */
function excerpt(source: string, location: Location, firstLine = location.line, paint: Style): string[] {
  const all = withoutCredentials(source)
    .replace(/\r?\n$/, '')
    .split(/\r?\n/);
  const marked = location.line - firstLine;
  const from = Math.max(0, marked - LINES_BEFORE);
  const to = Math.min(all.length, marked + LINES_AFTER + 1);
  const width = String(firstLine + to - 1).length;
  const bar = (number: string) => `  ${paint.dim(`${number.padStart(width)} |`)}`;

  const lines: string[] = [];
  if (from > 0) lines.push(bar('…'));
  for (let i = from; i < to; i++) {
    const text = all[i]!;
    lines.push(`${bar(String(firstLine + i))} ${visibleLine(text)}`.trimEnd());
    const caret = i === marked ? carets(text, location.column) : '';
    if (caret !== '') lines.push(`${bar('')} ${paint.red(caret)}`);
  }
  if (to < all.length) lines.push(bar('…'));
  return lines;
}

/** Carets under the word (or quoted string) that starts at `column`; nothing when there is none. */
function carets(text: string, column: number): string {
  const rest = text.slice(column - 1);
  const word = /^"(?:[^"\\]|\\.)*"|^'[^']*'|^\S+/.exec(rest)?.[0];
  if (word === undefined) return '';
  return ' '.repeat(visibleLine(text.slice(0, column - 1)).length) + '^'.repeat(visibleLine(word).length);
}

function renderBug(error: unknown, paint: Style): string {
  const stack = error instanceof Error ? stackWithCauses(error) : `Thrown: ${String(error)}`;
  return [
    `${paint.red(paint.bold('internal error:'))} ${paint.bold('this is a bug in Jettison, not in your input')}`,
    visible(withoutCredentials(stack)),
    `${paint.cyan('hint:')} Please report it with the text above, the command line and the Dockerfile.`,
    '',
  ].join('\n');
}

function stackWithCauses(error: Error): string {
  const own = error.stack ?? String(error);
  return error.cause instanceof Error ? `${own}\nCaused by: ${stackWithCauses(error.cause)}` : own;
}
