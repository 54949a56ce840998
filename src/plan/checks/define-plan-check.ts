import type { ArgInstruction, StageText } from '../../dockerfile/ast.ts';
import type { AnyRule } from '../../dockerfile/checks/rule.ts';
import type { Expansion, Lookup } from '../../dockerfile/expand.ts';
import type { ExposedPorts } from '../../dockerfile/ports.ts';
import type { Location } from '../../errors/error.ts';
import type { Platform } from '../../image/types.ts';
import type { BaseImage } from '../plan.ts';

/** The subjects of rules on the plan, in which variables are expanded. */
export interface PlanSubjects {
  /** All FROMs, not expanded. */
  heads: {
    stages: readonly StageText[];
    globals: readonly ArgInstruction[];
    /** Arguments that need no ARG. */
    predefined: Lookup;
    escape: '\\' | '`';
  };
  /** A word of a FROM. `declared`: the arguments that FROM may use. */
  'from-word': { expansion: Expansion; declared: ReadonlyMap<string, unknown>; location: Location };
  /** The value of `FROM --platform`. */
  'from-platform': { stage: StageText; expansion: Expansion; target: { platform: Platform; text: string } };
  /** The base image of a stage. */
  base: { image: BaseImage; platform: Platform; location: Location };
  /** A variable that ARG or ENV sets. */
  variable: { instruction: 'ARG' | 'ENV'; name: string; value: string | undefined; location: Location };
  /** A use of a variable that nothing sets. */
  'unset-variable': { name: string; location: Location; suggestion: string | undefined };
  /** A WORKDIR. `isFirst`: no instruction of the build has set the directory before. */
  workdir: { written: string; isFirst: boolean; location: Location };
  /** A source that COPY or ADD takes from the context. */
  'context-source': { written: string; location: Location; ignoredBy: string | undefined };
  /** A port of EXPOSE. */
  port: { written: string; ports: ExposedPorts; location: Location };
}

/** A rule on values that only planning knows. */
export function definePlanCheck(rule: AnyRule<PlanSubjects>): AnyRule<PlanSubjects> {
  return rule;
}
