import type { Location } from '../../errors/error.ts';
import type { CheckOptions, Diagnostic } from '../ast.ts';

/** One finding of a rule; its code is the rule's id. */
export type Finding = Omit<Diagnostic, 'code'>;

/** One of the rules that a Dockerfile is checked by. Its page is docs/rules/<id>.md. */
export interface Rule<On extends string, Subject> {
  /** A rule that Docker has, too, has Docker's name. */
  id: string;
  /** How it should be, as one sentence. */
  description: string;
  /** What the rule looks at: it is called for each of these. */
  on: On;
  /** Runs only when `# check=experimental=…` asks for it. */
  experimental?: true;
  /** Docker has no such rule. */
  own?: true;
  /** Findings count only where the base image brings no SHELL of its own. */
  assumesDefaultShell?: true;
  check(subject: Subject, report: (finding: Finding) => void): void;
}

/** Every rule on some kinds of subjects, by name of the kind. */
export type AnyRule<Subjects> = { [On in keyof Subjects & string]: Rule<On, Subjects[On]> }[keyof Subjects &
  string];

/** The part of a rule that lists and reports need. */
export type RuleFacts = Omit<Rule<string, never>, 'check' | 'on'>;

/** Runs rules on subjects of one kind after another. */
export class RuleRunner<Subjects> {
  readonly #rules = new Map<string, Rule<string, never>[]>();

  constructor(
    rules: readonly AnyRule<Subjects>[],
    { experimental }: CheckOptions,
    private readonly report: (diagnostic: Diagnostic) => void,
  ) {
    for (const rule of rules as readonly Rule<string, never>[]) {
      if (rule.experimental && experimental !== 'all' && !experimental.includes(rule.id)) continue;
      const others = this.#rules.get(rule.on);
      if (others === undefined) this.#rules.set(rule.on, [rule]);
      else others.push(rule);
    }
  }

  /** Reports the findings of all rules on one subject, in the order of the list. */
  check<On extends keyof Subjects & string>(on: On, subject: Subjects[On]): void {
    for (const rule of this.#rules.get(on) ?? []) {
      const { id: code, check } = rule as unknown as Rule<On, Subjects[On]>;
      check(subject, (finding) => this.report({ code, ...finding }));
    }
  }
}

/** Diagnostics in the order of the file. */
export function inOrder(diagnostics: Diagnostic[]): Diagnostic[] {
  const compare = (a: Location, b: Location) => a.line - b.line || a.column - b.column;
  return [...diagnostics].sort((a, b) => compare(a.location, b.location));
}
