import { consistentInstructionCasing } from './consistent-instruction-casing.ts';
import { duplicateStageName } from './duplicate-stage-name.ts';
import { fromAsCasing } from './from-as-casing.ts';
import { invalidDefinitionDescription } from './invalid-definition-description.ts';
import { jsonArgsRecommended } from './json-args-recommended.ts';
import { legacyKeyValueFormat } from './legacy-key-value-format.ts';
import { maintainerDeprecated } from './maintainer-deprecated.ts';
import { multipleInstructionsDisallowed } from './multiple-instructions-disallowed.ts';
import { noEmptyContinuation } from './no-empty-continuation.ts';
import { reservedStageName } from './reserved-stage-name.ts';
import { stageNameCasing } from './stage-name-casing.ts';

/** The rules on the text. Findings at one place of the file are in this order. */
export const TEXT_RULES = [
  noEmptyContinuation,
  consistentInstructionCasing,
  reservedStageName,
  duplicateStageName,
  fromAsCasing,
  stageNameCasing,
  invalidDefinitionDescription,
  legacyKeyValueFormat,
  maintainerDeprecated,
  jsonArgsRecommended,
  multipleInstructionsDisallowed,
];
