import { closest } from '../../../errors/closest.ts';
import { usageError } from '../../../errors/error.ts';
import { FUNCTIONS, failed, LEAST } from './functions.ts';
import { lexTemplate, type Piece, TemplateSyntaxError, type Token } from './lex.ts';
import { Absent, entriesOf, show, truthy, type Value } from './values.ts';

/**
 * The subset of Go's text/template for `--format`: fields (`{{.Config.User}}`), variables, pipes and parentheses, the
 * functions of `functions.ts`, `{{if}}`, `{{range}}`, `{{with}}` with `{{else}}`, trimming and comments.
 */
export type Template = (value: Value) => string;

/** The scope of a part of a template: the value of the dot, and variables (including `$`). */
class Scope {
  readonly #outer: Scope | undefined;
  readonly #variables = new Map<string, Value>();

  constructor(
    readonly dot: Value,
    outer?: Scope,
  ) {
    this.#outer = outer;
  }

  get(name: string): Value {
    return this.#holder(name).#variables.get(name);
  }

  declare(name: string, value: Value): this {
    this.#variables.set(name, value);
    return this;
  }

  /** Sets a variable in the scope that declared it. */
  assign(name: string, value: Value): void {
    this.#holder(name).declare(name, value);
  }

  #holder(name: string): Scope {
    if (this.#variables.has(name)) return this;
    if (this.#outer !== undefined) return this.#outer.#holder(name);
    throw failed(`unknown variable ${name}`, `Declare it first: {{${name} := …}}.`);
  }
}

type Expression = (scope: Scope) => Value;
type Part = (scope: Scope) => string;

const BLOCKS = ['if', 'range', 'with'];

/**
 * Compiles a template.
 *
 * @returns a function that throws JettisonError `FORMAT_FAILED` for values that do not fit the template
 * @throws JettisonError `USAGE` for a syntax error
 */
export function compileTemplate(text: string): Template {
  try {
    const parts = new Parser(lexTemplate(text)).parse();
    return (value) => run(parts, new Scope(value).declare('$', value));
  } catch (error) {
    if (!(error instanceof TemplateSyntaxError)) throw error;
    throw usageError(
      `--format "${text}": ${error.message}`,
      'Write json, or a template such as {{.Id}}, {{json .Config}} or {{index .RepoTags 0}}.',
    );
  }
}

function run(parts: readonly Part[], scope: Scope): string {
  return parts.map((part) => part(scope)).join('');
}

class Parser {
  readonly #pieces: readonly Piece[];
  #at = 0;

  constructor(pieces: readonly Piece[]) {
    this.#pieces = pieces;
  }

  parse(): Part[] {
    const { parts, end } = this.#parts();
    if (end !== undefined)
      throw new TemplateSyntaxError(`{{${end.first}}} without an {{if}}, {{range}} or {{with}}`);
    return parts;
  }

  /** Parts up to the end, or to an `else` or `end` action. */
  #parts(): { parts: Part[]; end?: { first: string; action: Action } } {
    const parts: Part[] = [];
    while (this.#at < this.#pieces.length) {
      const piece = this.#pieces[this.#at++]!;
      if (typeof piece === 'string') {
        parts.push(() => piece);
        continue;
      }
      const action = new Action(piece);
      const first = action.keyword();
      if (first === 'end' || first === 'else') return { parts, end: { first, action } };
      if (first !== undefined && BLOCKS.includes(first)) parts.push(this.#block(first, action));
      else parts.push(statement(action));
    }
    return { parts };
  }

  #block(kind: string, action: Action): Part {
    const { names } = action.declared(kind === 'range' ? 2 : 1);
    const value = action.pipeline();
    action.done();
    const body = this.#inside(kind);
    let otherwise: Part[] = [];
    if (body.end.first === 'else') {
      const next = body.end.action.keyword();
      if (next !== undefined && BLOCKS.includes(next)) {
        // `else if` is a nested `if`; one `end` ends both.
        otherwise = [this.#block(next, body.end.action)];
      } else {
        body.end.action.done();
        const rest = this.#inside(kind);
        if (rest.end.first !== 'end') throw new TemplateSyntaxError(`a second {{else}} of one {{${kind}}}`);
        rest.end.action.done();
        otherwise = rest.parts;
      }
    } else {
      body.end.action.done();
    }
    return (outer) => {
      const result = value(outer);
      const within = (dot: Value, values: Value[]) => {
        const scope = new Scope(dot, outer);
        for (const [i, name] of names.entries()) scope.declare(name, values[i]);
        return scope;
      };
      if (!truthy(result)) return run(otherwise, within(outer.dot, [result]));
      if (kind === 'if') return run(body.parts, within(outer.dot, [result]));
      if (kind === 'with') return run(body.parts, within(result, [result]));
      return items(result)
        .map(([key, item]) => run(body.parts, within(item, names.length === 2 ? [key, item] : [item])))
        .join('');
    };
  }

  #inside(kind: string): { parts: Part[]; end: { first: string; action: Action } } {
    const { parts, end } = this.#parts();
    if (end === undefined) throw new TemplateSyntaxError(`the {{${kind}}} has no {{end}}`);
    return { parts, end };
  }
}

/** The keys and values that a range iterates over. */
function items(value: Value): [Value, Value][] {
  if (Array.isArray(value)) return [...value.entries()];
  if (value instanceof Map) return entriesOf(value);
  throw failed(`range over ${show(value)}`, 'range takes a list or a map.');
}

function statement(action: Action): Part {
  const { names, anew } = action.declared(1);
  const value = action.pipeline();
  action.done();
  const [name] = names;
  if (name === undefined) return (scope) => show(value(scope));
  return (scope) => {
    if (anew) scope.declare(name, value(scope));
    else scope.assign(name, value(scope));
    return '';
  };
}

/** The content of one `{{…}}`. */
class Action {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  /** Its first word, if that is a keyword. */
  keyword(): string | undefined {
    const token = this.#tokens[this.#at];
    if (token?.kind !== 'word' || ![...BLOCKS, 'else', 'end'].includes(token.text)) return undefined;
    this.#at++;
    return token.text;
  }

  /** Variables before `:=` (declaration) or `=` (assignment). */
  declared(most: number): { names: string[]; anew: boolean } {
    const names: string[] = [];
    for (let at = this.#at; names.length < most; at += 2) {
      const [name, sign] = this.#tokens.slice(at, at + 2);
      if (name?.kind !== 'variable' || sign?.kind !== 'sign') break;
      names.push(name.text);
      if (sign.text === ':=' || sign.text === '=') {
        this.#at = at + 2;
        return { names, anew: sign.text === ':=' };
      }
      if (sign.text !== ',') break;
    }
    return { names: [], anew: false };
  }

  pipeline(): Expression {
    let value = this.#command();
    while (this.#take('|')) value = this.#command(value);
    return value;
  }

  done(): void {
    const token = this.#tokens[this.#at];
    if (token !== undefined) throw new TemplateSyntaxError(`unexpected "${token.text}"`);
  }

  #command(piped?: Expression): Expression {
    const first = this.#tokens[this.#at];
    const name = first?.kind === 'word' && !isConstant(first.text) ? first.text : undefined;
    if (name !== undefined) this.#at++;
    const operands: Expression[] = [];
    while (this.#startsOperand()) operands.push(this.#operand());
    if (name !== undefined) return call(name, piped === undefined ? operands : [...operands, piped]);
    if (operands.length === 0) throw new TemplateSyntaxError('an expression is missing');
    if (operands.length > 1 || piped !== undefined) {
      throw new TemplateSyntaxError(`"${first!.text}" is not a function`);
    }
    return operands[0]!;
  }

  #startsOperand(): boolean {
    const token = this.#tokens[this.#at];
    return token !== undefined && (token.kind !== 'sign' || token.text === '(');
  }

  #operand(): Expression {
    const token = this.#tokens[this.#at++]!;
    switch (token.kind) {
      case 'string':
        return () => token.text;
      case 'number':
        return () => Number(token.text);
      case 'field':
        return fieldsOf(token.text, ({ dot }) => dot);
      case 'variable':
        return this.#chained((scope) => scope.get(token.text));
      case 'word':
        if (!isConstant(token.text)) return call(token.text, []);
        return () => ({ true: true, false: false, nil: undefined })[token.text];
      case 'sign': {
        const inner = this.pipeline();
        if (!this.#take(')')) throw new TemplateSyntaxError('a ) is missing');
        return this.#chained(inner);
      }
    }
  }

  /** Fields that directly follow a variable or a parenthesis. */
  #chained(value: Expression): Expression {
    const token = this.#tokens[this.#at];
    if (token?.kind !== 'field' || !token.joined) return value;
    this.#at++;
    return fieldsOf(token.text, value);
  }

  #take(sign: string): boolean {
    const token = this.#tokens[this.#at];
    if (token?.kind !== 'sign' || token.text !== sign) return false;
    this.#at++;
    return true;
  }
}

function isConstant(word: string): boolean {
  return word === 'true' || word === 'false' || word === 'nil';
}

function call(name: string, operands: Expression[]): Expression {
  if (name === 'and' || name === 'or') {
    if (operands.length === 0) throw new TemplateSyntaxError(`${name} needs a value`);
    return (scope) => {
      let value: Value;
      for (const operand of operands) {
        value = operand(scope);
        if (truthy(value) === (name === 'or')) break;
      }
      return value;
    };
  }
  const apply = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name]! : undefined;
  if (apply === undefined) {
    const meant = closest(name, [...Object.keys(FUNCTIONS), 'and', 'or']);
    const guess = meant === undefined ? `fields begin with a dot: .${name}` : `did you mean "${meant}"?`;
    throw new TemplateSyntaxError(`unknown function "${name}"; ${guess}`);
  }
  const least = LEAST[name] ?? 1;
  if (operands.length < least) {
    throw new TemplateSyntaxError(`${name} needs ${least === 1 ? 'a value' : `${least} values`}`);
  }
  return (scope) => apply(...operands.map((operand) => operand(scope)));
}

/** @param path `.A.B`, or `.` for the value itself */
function fieldsOf(path: string, value: Expression): Expression {
  const names = path.split('.').filter((name) => name !== '');
  return (scope) => {
    let at = value(scope);
    let seen = '';
    for (const name of names) {
      at = member(at, name, seen);
      seen += `.${name}`;
    }
    return at;
  };
}

/** @param owner the value's expression in the template, for messages */
function member(value: Value, name: string, owner: string): Value {
  if (value === undefined || value === null || value instanceof Absent) {
    if (value instanceof Absent && value.kind === 'map') return undefined;
    throw failed(
      `cannot read .${name}: ${owner || 'the value'} is empty`,
      `Test it first: {{if ${owner}}}…{{end}}.`,
    );
  }
  if (value instanceof Map) return value.get(name) as Value;
  if (typeof value === 'object' && !Array.isArray(value) && Object.hasOwn(value, name)) {
    return (value as Record<string, Value>)[name];
  }
  const known = typeof value === 'object' && !Array.isArray(value) ? Object.keys(value) : [];
  const meant = closest(name, known);
  throw failed(
    `unknown field .${name}${owner === '' ? '' : ` in ${owner}`}`,
    meant !== undefined
      ? `Did you mean ${owner}.${meant}?`
      : known.length > 0
        ? `Fields are ${known.map((field) => `.${field}`).join(', ')}.`
        : `${owner || 'The value'} is ${Array.isArray(value) ? 'a list' : `"${show(value)}"`}.`,
  );
}
