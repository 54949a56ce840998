import { usageError } from './usage.ts';

/**
 * The part of Go's templates that people give to `--format`: fields (`{{.Config.User}}`), `{{json .}}`,
 * `{{index .RepoTags 0}}`, `{{join .Config.Env ","}}`, `{{len .}}`, `{{upper .}}`, `{{lower .}}`,
 * `{{println .}}`, pipes, `{{if .}}…{{else}}…{{end}}` and `{{range .}}…{{end}}`.
 */
export type Template = (value: unknown) => string;

type Expression = (dot: unknown) => unknown;
type Part = (dot: unknown) => string;

const FUNCTIONS: Record<string, (...args: unknown[]) => unknown> = {
  json: (value) => JSON.stringify(value ?? null),
  index: (value, ...keys) => keys.reduce((inner, key) => member(inner, key as string | number), value),
  join: (list, separator) => (Array.isArray(list) ? list.map(show).join(String(separator)) : show(list)),
  len: (value) =>
    typeof value === 'string' || Array.isArray(value)
      ? value.length
      : Object.keys((value ?? {}) as object).length,
  upper: (value) => show(value).toUpperCase(),
  lower: (value) => show(value).toLowerCase(),
  println: (...values) => `${values.map(show).join(' ')}\n`,
};

/**
 * Compiles a template.
 *
 * @throws JettisonError `USAGE`
 */
export function compileTemplate(text: string): Template {
  const tokens = text.split(/(\{\{(?:[^}"]|"(?:[^"\\]|\\.)*")*\}\})/);
  let at = 0;
  const fail = (message: string): never => {
    throw usageError(
      `--format "${text}": ${message}`,
      'write json, or a template such as {{.Id}}, {{json .Config}} or {{index .RepoTags 0}}',
    );
  };

  function parseParts(inside: boolean): { parts: Part[]; end: string } {
    const parts: Part[] = [];
    while (at < tokens.length) {
      const token = tokens[at++]!;
      if (!token.startsWith('{{') || !token.endsWith('}}')) {
        if (token.includes('{{')) fail('a {{ has no }}');
        if (token !== '') parts.push(() => token);
        continue;
      }
      const body = token.slice(2, -2).trim();
      const [word, rest] = [/^\w*/.exec(body)![0], body.replace(/^\w+\s*/, '')];
      if (word === 'end' || word === 'else') {
        if (!inside) fail(`{{${word}}} without an {{if}} or {{range}}`);
        return { parts, end: word };
      }
      parts.push(word === 'if' || word === 'range' ? parseBlock(word, rest) : parseValue(body));
    }
    if (inside) fail('an {{end}} is missing');
    return { parts, end: '' };
  }

  function parseBlock(word: 'if' | 'range', condition: string): Part {
    const value = parseExpression(condition);
    const body = parseParts(true);
    const otherwise = body.end === 'else' ? parseParts(true) : { parts: [], end: 'end' };
    if (otherwise.end !== 'end') fail('an {{end}} is missing');
    return (dot) => {
      const result = value(dot);
      if (!truthy(result)) return run(otherwise.parts, dot);
      if (word === 'if') return run(body.parts, dot);
      return Object.values(result as object)
        .map((item) => run(body.parts, item))
        .join('');
    };
  }

  function parseValue(body: string): Part {
    const value = parseExpression(body);
    return (dot) => show(value(dot));
  }

  function parseExpression(body: string): Expression {
    const commands: string[][] = [[]];
    for (const word of words(body)) {
      if (word === '|') commands.push([]);
      else commands.at(-1)!.push(word);
    }
    let piped: Expression | undefined;
    for (const [first, ...rest] of commands) {
      if (first === undefined) return fail('an expression is missing');
      const before = piped;
      const operands = rest.map(parseOperand);
      const apply = FUNCTIONS[first];
      if (apply === undefined) {
        if (operands.length > 0 || before !== undefined) fail(`"${first}" is not a function`);
        piped = parseOperand(first);
      } else {
        if (operands.length === 0 && before === undefined) fail(`${first} needs a value`);
        piped = (dot) =>
          apply(...operands.map((operand) => operand(dot)), ...(before === undefined ? [] : [before(dot)]));
      }
    }
    return piped!;
  }

  function parseOperand(word: string): Expression {
    if (word.startsWith('"')) {
      try {
        const constant: unknown = JSON.parse(word);
        return () => constant;
      } catch {
        return fail(`${word} is not a string`);
      }
    }
    if (/^\d+$/.test(word)) return () => Number(word);
    if (!/^(\.|(\.\w+)+)$/.test(word))
      return fail(`"${word}" is neither a field, a number, a string nor a function`);
    const path = word.split('.').filter((name) => name !== '');
    return (dot) => path.reduce<unknown>((value, name) => member(value, name), dot);
  }

  function words(body: string): string[] {
    const found = body.match(/"(?:[^"\\]|\\.)*"|\||[^\s"|]+/g);
    return found ?? fail('an expression is missing');
  }

  const { parts } = parseParts(false);
  return (value) => run(parts, value);
}

function run(parts: Part[], dot: unknown): string {
  return parts.map((part) => part(dot)).join('');
}

function member(value: unknown, name: string | number): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

function truthy(value: unknown): boolean {
  return typeof value === 'object' && value !== null ? Object.keys(value).length > 0 : Boolean(value);
}

/** A value as Go prints it: `[a b]`, `map[k:v]`, `<no value>`. */
function show(value: unknown): string {
  if (value === undefined || value === null) return '<no value>';
  if (Array.isArray(value)) return `[${value.map(show).join(' ')}]`;
  if (typeof value !== 'object') return String(value);
  return `map[${Object.entries(value)
    .map(([key, inner]) => `${key}:${show(inner)}`)
    .join(' ')}]`;
}
