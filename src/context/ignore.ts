import { JettisonError } from '../errors/error.ts';
import { parentOf } from '../layer/entry.ts';
import { type CompiledPattern, cleanPattern, compilePattern, PatternError } from './pattern.ts';

/** One pattern of an ignore list, and where it was written. */
export interface IgnoreRule {
  /** As written, without surrounding blanks, e.g. `!docs/*.md`. */
  pattern: string;
  /** Counts from 1; for patterns that come from no file, their number. */
  line: number;
}

export interface IgnoreMatch {
  excluded: boolean;
  /** The last rule that decided; absent when no rule matches. */
  rule?: IgnoreRule;
}

interface Compiled extends IgnoreRule, CompiledPattern {
  include: boolean;
}

/** The match state of a directory. Equal states are shared. */
interface Verdict {
  /** By rule: 1 if it matches the directory or one of its parents. */
  matched: Uint8Array;
  /** Index of the deciding rule; -1 if none. */
  rule: number;
  /** Indices of the rules that can match something below the directory. */
  live: number[];
  /** How many components the paths directly inside have. */
  depth: number;
}

/**
 * An ordered list of ignore rules with Docker's meaning: the last match wins, `!` takes back, and whatever
 * matches a directory counts for everything below it.
 */
export class IgnoreRules {
  readonly #rules: Compiled[];
  readonly #inclusions: boolean;
  readonly #directories = new Map<string, Verdict>();

  /**
   * @param rules in order; `clean` is the cleaned pattern, with `!` in front when it includes again
   * @param file what the patterns come from, for messages
   * @throws JettisonError `IGNORE_PATTERN` for a pattern that is not well-formed
   */
  constructor(
    rules: (IgnoreRule & { clean: string })[],
    readonly file: string,
  ) {
    this.#rules = rules.map((rule) => compile(rule, file));
    this.#inclusions = this.#rules.some((rule) => rule.include);
    const matched = new Uint8Array(rules.length);
    this.#directories.set('', { matched, rule: -1, live: [...rules.keys()], depth: 1 });
  }

  /** Without rules nothing is ever excluded. */
  get isEmpty(): boolean {
    return this.#rules.length === 0;
  }

  /** The patterns in order, as written. */
  get patterns(): string[] {
    return this.#rules.map(({ pattern }) => pattern);
  }

  /** @param path clean and relative; the root itself (the empty path) is never excluded */
  match(path: string): IgnoreMatch {
    const index = this.#decide(path);
    if (index < 0) return { excluded: false };
    const { pattern, line, include } = this.#rules[index]!;
    return { excluded: !include, rule: { pattern, line } };
  }

  /** As `match(path).excluded`. */
  excludes(path: string): boolean {
    const index = this.#decide(path);
    return index >= 0 && !this.#rules[index]!.include;
  }

  /**
   * Whether something below this directory may be included: false lets a walk skip an excluded directory
   * without reading it. True promises nothing.
   */
  mayContainIncluded(directory: string): boolean {
    const { rule } = this.#directory(directory);
    if (rule < 0 || this.#rules[rule]!.include) return true;
    if (!this.#inclusions) return false;
    const below = `${directory}/`;
    // A rule before the deciding one cannot win below the directory: the deciding one matches there, too.
    return this.#rules.some(
      ({ include, prefix, literal }, index) =>
        index > rule && include && (prefix.startsWith(below) || (!literal && below.startsWith(prefix))),
    );
  }

  /** Whether a rule after some line lets something in again. */
  letsInAfter(line: number): boolean {
    return this.#rules.some((rule) => rule.include && rule.line > line);
  }

  #decide(path: string): number {
    return path === '' || this.isEmpty ? -1 : this.#judge(path, this.#directory(parentOf(path)));
  }

  #directory(path: string): Verdict {
    let verdict = this.#directories.get(path);
    if (verdict === undefined) {
      verdict = this.#enter(path, this.#directory(parentOf(path)));
      this.#directories.set(path, verdict);
    }
    return verdict;
  }

  #enter(path: string, parent: Verdict): Verdict {
    const hits: number[] = [];
    const rule = this.#judge(path, parent, hits);
    let { matched } = parent;
    if (hits.some((index) => matched[index] === 0)) {
      matched = matched.slice();
      for (const index of hits) matched[index] = 1;
    }
    const below = `${path}/`;
    const depth = parent.depth + 1;
    const live = parent.live.filter((index) => {
      if (matched[index] === 1) return true;
      const { prefix, depth: only } = this.#rules[index]!;
      return (only === undefined || only >= depth) && (below.startsWith(prefix) || prefix.startsWith(below));
    });
    return { matched, rule, live: live.length === parent.live.length ? parent.live : live, depth };
  }

  /** The index of the rule that decides; -1 if none. @param hits where to note which rules match */
  #judge(path: string, { matched, live, depth }: Verdict, hits?: number[]): number {
    let decided = -1;
    let excluded = false;
    for (const index of live) {
      const rule = this.#rules[index]!;
      if (matched[index] === 0) {
        // A rule that could not change the outcome is not tried, nor noted for what is below: as Docker does.
        if (rule.include !== excluded || (rule.depth !== undefined && rule.depth !== depth)) continue;
        if (!rule.matches(path)) continue;
      }
      hits?.push(index);
      excluded = !rule.include;
      decided = index;
    }
    return decided;
  }
}

/**
 * Reads a `.dockerignore`: one pattern a line; `#` in the first column is a comment; blanks around a pattern,
 * a byte order mark and a leading `/` do not count.
 *
 * @param file its name, for messages
 * @throws JettisonError `IGNORE_PATTERN`
 */
export function parseIgnore(text: string, file: string): IgnoreRules {
  const rules: (IgnoreRule & { clean: string })[] = [];
  for (const [index, raw] of text
    .replace(/^\ufeff/, '')
    .split('\n')
    .entries()) {
    if (raw.startsWith('#')) continue;
    const pattern = raw.trim();
    if (pattern === '') continue;
    const include = pattern.startsWith('!');
    let clean = include ? pattern.slice(1).trim() : pattern;
    if (clean !== '') clean = cleanPattern(clean);
    if (clean.length > 1 && clean.startsWith('/')) clean = clean.slice(1);
    rules.push({ pattern, line: index + 1, clean: include ? `!${clean}` : clean });
  }
  return new IgnoreRules(rules, file);
}

/** The rules of an ignore file, which may be absent. @throws JettisonError `IGNORE_PATTERN` */
export function rulesOf(text: string | undefined, file = ''): IgnoreRules {
  return text === undefined ? ignoreRules([], '') : parseIgnore(text, file);
}

/**
 * What keeps a source of a COPY out, for messages: `line 3 of .dockerignore`. Undefined when nothing does: also a
 * directory or a pattern of which a later `!` line may let a part in.
 */
export function ignoredBy(rules: IgnoreRules, path: string): string | undefined {
  const { excluded, rule } = rules.match(path);
  if (excluded && rules.mayContainIncluded(path)) return undefined;
  if (excluded && /[*?[\\]/.test(path) && rules.letsInAfter(rule!.line)) return undefined;
  return excluded ? `line ${rule!.line} of ${rules.file}` : undefined;
}

/**
 * Rules from a list of patterns, as `--exclude` gives them.
 *
 * @param origin what they come from, for messages
 * @throws JettisonError `IGNORE_PATTERN`
 */
export function ignoreRules(patterns: string[], origin: string): IgnoreRules {
  const rules = patterns
    .map((pattern) => pattern.trim())
    .filter((pattern) => pattern !== '')
    .map((pattern, index) => ({ pattern, line: index + 1, clean: cleanPattern(pattern) }));
  return new IgnoreRules(rules, origin);
}

function compile(rule: IgnoreRule & { clean: string }, file: string): Compiled {
  const { pattern, line, clean } = rule;
  const include = clean.startsWith('!');
  const body = include ? clean.slice(1) : clean;
  try {
    if (body === '') throw new PatternError('"!" has no pattern behind it');
    return { pattern, line, include, ...compilePattern(body) };
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    throw new JettisonError('IGNORE_PATTERN', `${file}: ${error.message}`, {
      hint: 'A character that stands for itself is written with a backslash before it, e.g. \\[.',
      // A flag's pattern stands where its instruction does.
      ...(file.startsWith('--') ? {} : { location: { file, line, column: 1 }, source: pattern }),
    });
  }
}
