import { manifestsFirst } from '../../forecast/proposals/manifests-first.ts';
import { cacheMounts } from '../../forecast/proposals/package-caches.ts';
import type { Proposer } from '../../forecast/proposals/proposal.ts';
import type { Rewrite } from '../rewrite.ts';

/** A proposal of `forecast` that is tried as a rewrite, without a history to count in. */
function fromProposal({ id, propose }: Proposer, title: string): Rewrite {
  return {
    id,
    title,
    aim: 'time',
    propose({ texts, facts, plan, context }) {
      const edit = propose({
        dockerfile: facts.dockerfile,
        plan,
        ignoreText: texts.ignoreText,
        file: (path) => context.file(path),
        has: (path) => context.has(path),
        causes: [],
      });
      if (edit === undefined) return [];
      const { summary, dockerfile, ignoreText = texts.ignoreText } = edit;
      return [{ summary, texts: { dockerfile, ignoreText } }];
    },
  };
}

export const installBeforeSources = fromProposal(
  manifestsFirst,
  'copy the manifests before the installation',
);
export const mountCaches = fromProposal(cacheMounts, 'keep what installations fetch');
