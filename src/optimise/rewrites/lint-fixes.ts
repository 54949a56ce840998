import type { AnyAdvice } from '../../advice/advice.ts';
import { advise } from '../../advice/advise.ts';
import { NO_SETTINGS } from '../../advice/lint-settings.ts';
import { apkCache } from '../../advice/rules/apk-cache.ts';
import { npmCi } from '../../advice/rules/npm-ci.ts';
import { pipCache } from '../../advice/rules/pip-cache.ts';
import { compatibleEdits } from '../../dockerfile/text-edit.ts';
import { editedDockerfile } from '../edited-text.ts';
import type { Rewrite } from '../rewrite.ts';

/** A rule of `lint` whose fix is tried as a rewrite. */
function fromRule(id: string, rule: AnyAdvice, title: string, aim: Rewrite['aim']): Rewrite {
  return {
    id,
    title,
    aim,
    propose(evidence) {
      const { facts, context, plan } = evidence;
      const unknown = { trustedRegistries: undefined, image: undefined, today: undefined };
      const found = advise({ ...facts, context, plan, ...unknown }, [], NO_SETTINGS, [rule]);
      const { edits } = compatibleEdits(found.map(({ fix = [] }) => fix));
      return edits.length === 0
        ? []
        : [editedDockerfile(evidence, edits, `fixes what the rule ${rule.id} finds`)];
    },
  };
}

export const lintFixes: readonly Rewrite[] = [
  fromRule('npm-ci', npmCi, 'install what the lock file lists', 'safety'),
  fromRule('apk-cache', apkCache, "leave apk's index out of the layer", 'size'),
  fromRule('pip-cache', pipCache, "leave pip's cache out of the layer", 'size'),
];
