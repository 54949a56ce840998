import type { RuleFacts } from '../../dockerfile/checks/rule.ts';
import { TEXT_RULES } from '../../dockerfile/checks/text-rules.ts';
import { copyIgnoredFile } from './copy-ignored-file.ts';
import { exposeInvalidFormat } from './expose-invalid-format.ts';
import { exposeProtoCasing } from './expose-proto-casing.ts';
import { fromPlatformFlagConstDisallowed } from './from-platform-flag-const-disallowed.ts';
import { invalidBaseImagePlatform } from './invalid-base-image-platform.ts';
import { invalidDefaultArgInFrom } from './invalid-default-arg-in-from.ts';
import { redundantTargetPlatform } from './redundant-target-platform.ts';
import { secretsUsedInArgOrEnv } from './secrets-used-in-arg-or-env.ts';
import { undefinedArgInFrom } from './undefined-arg-in-from.ts';
import { undefinedVar } from './undefined-var.ts';
import { workdirRelativePath } from './workdir-relative-path.ts';

/** The rules on the plan. Findings about one subject are in this order. */
export const PLAN_RULES = [
  invalidDefaultArgInFrom,
  undefinedArgInFrom,
  redundantTargetPlatform,
  fromPlatformFlagConstDisallowed,
  invalidBaseImagePlatform,
  secretsUsedInArgOrEnv,
  undefinedVar,
  workdirRelativePath,
  copyIgnoredFile,
  exposeInvalidFormat,
  exposeProtoCasing,
];

/** All rules by id, on the text and on the plan. */
export const RULES: ReadonlyMap<string, RuleFacts> = new Map(
  [...TEXT_RULES, ...PLAN_RULES].map((rule) => [rule.id, rule]),
);
