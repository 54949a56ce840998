import type { AnyAdvice } from '../../advice/advice.ts';
import { advise } from '../../advice/advise.ts';
import { apkCache } from '../../advice/rules/apk-cache.ts';
import { npmCi } from '../../advice/rules/npm-ci.ts';
import { pipCache } from '../../advice/rules/pip-cache.ts';
import { overlap, type TextEdit } from '../../dockerfile/text-edit.ts';
import { editedDockerfile } from '../edited-text.ts';
import type { Rewrite } from '../rewrite.ts';

/** A rule of `lint` whose fix is tried as a rewrite. */
function fromRule(
  id: string,
  { id: rule }: Pick<AnyAdvice, 'id'>,
  title: string,
  aim: Rewrite['aim'],
): Rewrite {
  return {
    id,
    title,
    aim,
    propose(evidence) {
      const { facts, context, plan } = evidence;
      const edits: TextEdit[] = [];
      for (const { code, fix = [] } of advise(
        { ...facts, context, plan, trustedRegistries: undefined },
        [],
      )) {
        if (code !== rule || fix.some((one) => edits.some((other) => overlap(one, other)))) continue;
        edits.push(...fix);
      }
      return edits.length === 0
        ? []
        : [editedDockerfile(evidence, edits, `fixes what the rule ${rule} finds`)];
    },
  };
}

export const lintFixes: readonly Rewrite[] = [
  fromRule('npm-ci', npmCi, 'install what the lock file lists', 'safety'),
  fromRule('apk-cache', apkCache, "leave apk's index out of the layer", 'size'),
  fromRule('pip-cache', pipCache, "leave pip's cache out of the layer", 'size'),
];
