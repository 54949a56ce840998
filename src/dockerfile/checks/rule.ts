import type { Location } from '../../errors/error.ts';
import type { CheckOptions, Diagnostic } from '../ast.ts';

/** One finding of a rule; its code is the rule's id. */
export type Finding = Omit<Diagnostic, 'code'>;

/** A rule for Dockerfiles. Its page is docs/rules/<id>.md. */
export interface Rule<On extends string, Subject> {
  /** Docker's name, if Docker has the rule. */
  id: string;
  /** The correct state, as one sentence. */
  description: string;
  /** The kind of subject: the rule is called for each of these. */
  on: On;
  /** Runs only if `# check=experimental=…` enables it. */
  experimental?: true;
  /** Docker has no such rule. */
  own?: true;
  /** Findings are dropped if the base image has a SHELL. */
  assumesDefaultShell?: true;
  check(subject: Subject, report: (finding: Finding) => void): void;
}

/** Any rule on one of the kinds of subjects. */
export type AnyRule<Subjects> = { [On in keyof Subjects & string]: Rule<On, Subjects[On]> }[keyof Subjects &
  string];

/** The part of a rule that lists and reports need. */
export type RuleFacts = Omit<Rule<string, never>, 'check' | 'on'>;

/** Runs the rules on subjects. */
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
