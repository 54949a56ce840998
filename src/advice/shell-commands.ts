/** A word of a shell command without its quotes, and where it stands. */
export interface ShellWord {
  text: string;
  start: number;
  end: number;
}

/** One simple command of a script. */
export interface ShellCommand {
  /** The program's name without its folder; empty for assignments alone. */
  name: string;
  /** The words behind the name. */
  args: string[];
  /** Name and arguments. */
  words: ShellWord[];
  /** `NAME=value` before the name. */
  assignments: string[];
  start: number;
  end: number;
  /** The operator behind it; empty for the last command. */
  next: string;
}

/** Words that begin a compound command: the command proper follows. */
const OPENERS = new Set(['if', 'then', 'elif', 'else', 'do', 'while', 'until', '!', '{', 'time', 'exec']);
const ASSIGNMENT = /^[A-Za-z_][A-Za-z0-9_]*\+?=/;

/**
 * Splits a part of a Dockerfile into simple commands. Operators, quotes, continued lines and the comments between them
 * are understood; substitutions stay parts of their words.
 *
 * @param start offset of the script in the text; the commands' offsets are of the text, too
 */
export function shellCommands(text: string, start: number, end: number): ShellCommand[] {
  return new Splitter(text, start, end).run();
}

class Splitter {
  readonly #commands: ShellCommand[] = [];
  #words: ShellWord[] = [];
  #word = '';
  #wordStart = -1;
  /** The next word is the target of a redirection. */
  #isTarget = false;

  constructor(
    private readonly text: string,
    private at: number,
    private readonly end: number,
  ) {}

  run(): ShellCommand[] {
    while (this.at < this.end) this.#step();
    this.#endCommand('');
    return this.#commands;
  }

  #step(): void {
    const rest = this.text.slice(this.at, Math.min(this.end, this.at + 2));
    const [char = ''] = rest;
    if (char === '\\' && this.#skipContinuation()) return;
    if (char === '\\') this.#take(rest[1] ?? '', 2);
    else if (char === "'") this.#quoted("'");
    else if (char === '"') this.#quoted('"');
    else if (char === '`') this.#through('`');
    else if (rest === '$(') this.#substitution();
    else if (char === '#' && this.#wordStart < 0) this.#skipLine();
    else if (char === '>' || char === '<') this.#redirection();
    else if (rest === '&&' || rest === '||' || rest === ';;') this.#operator(rest);
    else if (';|&()\n'.includes(char)) this.#operator(char === '\n' ? ';' : char);
    else if (/\s/.test(char)) {
      this.#endWord();
      this.at++;
    } else this.#take(char, 1);
  }

  /** A backslash before the end of a line, and the comment lines behind it. */
  #skipContinuation(): boolean {
    const [whole] =
      /^\\[ \t]*\r?\n(?:[ \t]*(?:#[^\n]*)?\r?\n)*/.exec(this.text.slice(this.at, this.end)) ?? [];
    if (whole === undefined) return false;
    this.at += whole.length;
    // A comment in the last line, too.
    const [comment] = /^[ \t]*#[^\n]*$/.exec(this.text.slice(this.at, this.end)) ?? [];
    if (comment !== undefined) this.at += comment.length;
    return true;
  }

  #take(text: string, length: number): void {
    if (this.#wordStart < 0) this.#wordStart = this.at;
    this.#word += text;
    this.at = Math.min(this.end, this.at + length);
  }

  #quoted(quote: string): void {
    let at = this.at + 1;
    while (at < this.end && this.text[at] !== quote) at += quote === '"' && this.text[at] === '\\' ? 2 : 1;
    this.#take(this.text.slice(this.at + 1, Math.min(at, this.end)), at + 1 - this.at);
  }

  #through(mark: string): void {
    const close = this.text.indexOf(mark, this.at + 1);
    const until = close < 0 || close >= this.end ? this.end : close + 1;
    this.#take(this.text.slice(this.at, until), until - this.at);
  }

  #substitution(): void {
    let depth = 0;
    let at = this.at;
    while (at < this.end) {
      if (this.text[at] === '(') depth++;
      if (this.text[at] === ')' && --depth === 0) break;
      at++;
    }
    const until = Math.min(at + 1, this.end);
    this.#take(this.text.slice(this.at, until), until - this.at);
  }

  #skipLine(): void {
    const line = this.text.indexOf('\n', this.at);
    this.at = line < 0 ? this.end : Math.min(line, this.end);
  }

  #redirection(): void {
    if (/^\d+$/.test(this.#word)) {
      this.#word = '';
      this.#wordStart = -1;
    } else this.#endWord();
    const [sign] = /^[<>]+(?:&(?:\d+|-))?/.exec(this.text.slice(this.at, this.end))!;
    this.at += sign.length;
    this.#isTarget = !sign.includes('&');
  }

  #operator(operator: string): void {
    // `&>file` is a redirection, not an operator.
    if (operator === '&' && this.text[this.at + 1] === '>') {
      this.at++;
      return;
    }
    this.at += operator.length;
    this.#endCommand(operator);
  }

  #endWord(): void {
    if (this.#wordStart >= 0 && !this.#isTarget) {
      this.#words.push({ text: this.#word, start: this.#wordStart, end: this.at });
    }
    if (this.#wordStart >= 0) this.#isTarget = false;
    this.#word = '';
    this.#wordStart = -1;
  }

  #endCommand(next: string): void {
    const operatorLength = next.length;
    const here = this.at;
    this.at -= next === '' ? 0 : operatorLength;
    this.#endWord();
    this.at = here;
    const words = this.#words;
    this.#words = [];
    this.#isTarget = false;
    const first = words[0];
    if (first === undefined) return;
    const { end } = words.at(-1)!;
    while (words.length > 0 && OPENERS.has(words[0]!.text)) words.shift();
    const assignments: string[] = [];
    while (words.length > 0 && ASSIGNMENT.test(words[0]!.text)) assignments.push(words.shift()!.text);
    const name = words[0]?.text.replace(/^.*\//, '') ?? '';
    const args = words.slice(1).map(({ text }) => text);
    this.#commands.push({ name, args, words, assignments, start: first.start, end, next });
  }
}
