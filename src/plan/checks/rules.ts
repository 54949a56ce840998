import type { RuleFacts } from '../../dockerfile/checks/rule.ts';
import { TEXT_RULES } from '../../dockerfile/checks/text-rules.ts';
import { PLAN_RULES } from './plan-rules.ts';

/** All rules by id, on the text and on the plan. */
export const RULES: ReadonlyMap<string, RuleFacts> = new Map(
  [...TEXT_RULES, ...PLAN_RULES].map((rule) => [rule.id, rule]),
);
