import { existsSync } from 'node:fs';
import { isAbsolute, relative, resolve } from 'node:path';
import { JettisonError, type Location } from '../errors/error.ts';
import { visible } from '../errors/safe-text.ts';
import type { BuildEvent } from './event.ts';
import { PlainRenderer } from './plain.ts';
import type { Output } from './renderer.ts';
import { mayBeCommand, stopCommands, withoutCommands, workflowCommand } from './workflow-commands.ts';

/** What a step has said that cannot be shown yet: another one has the open group. */
interface Held {
  lines: string[];
  /** How it ended, if it has. */
  end?: string;
}

/**
 * Plain lines for the log of GitHub Actions: what a step says is one group, warnings and errors are annotations. Groups
 * cannot be in each other: of steps that run at the same time one is shown live, and the others after it. A line that
 * could be taken for a workflow command is shown with commands switched off.
 */
export class GithubRenderer extends PlainRenderer {
  /** Whose group is open. */
  #open: string | undefined;
  readonly #held = new Map<string, Held>();
  readonly #env: NodeJS.ProcessEnv;

  constructor(output: Output, options: { color: boolean; env: NodeJS.ProcessEnv }) {
    super(output, options);
    this.#env = options.env;
  }

  override handle(event: BuildEvent): void {
    super.handle(event);
    if (event.type === 'build.failed') this.#annotateError(event.error);
  }

  protected override lines(id: string, lines: string[]): void {
    // The numbers are those of the beginnings.
    this.numberOf(id);
    if (lines.length === 0) return;
    if (this.#open === undefined) this.#begin(id);
    if (this.#open === id) this.write(lines);
    else this.#hold(id).lines.push(...lines);
  }

  protected override conclude(id: string, line: string): void {
    const told = `#${this.numberOf(id)} ${line}`;
    if (this.#open === id) {
      this.#close(told);
      this.#next();
    } else if (this.#open === undefined) this.write([`#${this.numberOf(id)} ${this.nameOf(id)}  ${line}`]);
    else this.#hold(id).end = line;
  }

  /** Warnings are annotations, which the log shows, too. */
  protected override warnings(): string[] {
    for (const { code, message, hint, location } of this.model.warnings) {
      const text = hint === undefined ? message : `${message}\n${hint}`;
      this.#command(workflowCommand('warning', visible(text), { title: code, ...this.#place(location) }));
    }
    const more = this.model.warningCount - this.model.warnings.length;
    return more > 0 ? [`… and ${more} more warnings`] : [];
  }

  protected override write(lines: string[], output = this.output): void {
    super.write(withoutCommands(lines), output);
  }

  #hold(id: string): Held {
    let held = this.#held.get(id);
    if (held === undefined) {
      held = { lines: [] };
      this.#held.set(id, held);
    }
    return held;
  }

  #begin(id: string): void {
    this.#open = id;
    this.#command(workflowCommand('group', `#${this.numberOf(id)} ${this.nameOf(id)}`));
  }

  #close(end: string): void {
    this.#open = undefined;
    this.#command('::endgroup::');
    this.write([end]);
  }

  /** Shows what had to wait: steps that are over, and then one that still runs, live. */
  #next(): void {
    for (const [id, { lines, end }] of this.#held) {
      if (end === undefined) continue;
      this.#held.delete(id);
      if (lines.length > 0) {
        this.#begin(id);
        this.write(lines);
        this.#close(`#${this.numberOf(id)} ${end}`);
      } else this.conclude(id, end);
    }
    const [waiting] = this.#held;
    if (waiting === undefined) return;
    const [id, { lines }] = waiting;
    this.#held.delete(id);
    this.lines(id, lines);
  }

  #command(command: string): void {
    super.write([command]);
  }

  #annotateError(error: JettisonError | Error): void {
    const isOurs = error instanceof JettisonError;
    const title = isOurs ? error.code : 'INTERNAL';
    const place = isOurs ? this.#place(error.location) : {};
    this.#command(workflowCommand('error', visible(error.message), { title, ...place }));
    const shown = isOurs ? [error.message, error.hint, error.source] : [error.message, error.stack];
    if (!shown.some((text) => text !== undefined && mayBeCommand(text))) return;
    // The error itself is shown after this: until the end nothing is a command.
    const { stop, resume } = stopCommands();
    this.#command(stop);
    process.once('exit', () => this.#command(resume));
  }

  /** Where something is in the repository, as annotations have it. */
  #place(location: Location | undefined): Record<string, string> {
    if (location === undefined) return {};
    const { file, line, endLine } = location;
    const { context = '.' } = this.model.started ?? {};
    const places = /^dockerfile$/i.test(file) ? [resolve(context, file), resolve(file)] : [resolve(file)];
    const path = places.find((one) => existsSync(one));
    const inside = path === undefined ? file : relative(this.#env['GITHUB_WORKSPACE'] || process.cwd(), path);
    const known = inside.startsWith('..') || isAbsolute(inside) ? {} : { file: inside };
    return { ...known, line: String(line), ...(endLine === undefined ? {} : { endLine: String(endLine) }) };
  }
}
