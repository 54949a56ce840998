import { dockerfileFacts } from '../../src/advice/stage-facts.ts';
import { parseDockerfile } from '../../src/dockerfile/parse.ts';
import type { Candidate, OptimiseEvidence } from '../../src/optimise/rewrite.ts';
import { REWRITES } from '../../src/optimise/rewrites.ts';
import { planChecked } from './plan-checked.ts';

export interface RewriteCase {
  /** The context by path. */
  files?: Record<string, string>;
  surplus?: string[];
  workEntries?: string[];
  outside?: string[];
  bases?: OptimiseEvidence['bases'];
  ignoreText?: string;
}

/** What a rewrite makes of a Dockerfile whose base images are unknown. */
export function candidatesOf(id: string, text: string, given: RewriteCase = {}): Candidate[] {
  const { files = {}, surplus = [], workEntries = [], outside = [], bases = [], ignoreText } = given;
  const dockerfile = parseDockerfile(text, 'Dockerfile');
  return REWRITES.find((one) => one.id === id)!.propose({
    texts: { dockerfile: text, ignoreText },
    facts: dockerfileFacts(dockerfile),
    plan: planChecked(text).plan,
    context: {
      file: (path) => files[path],
      has: (path) => Object.keys(files).some((one) => one === path || one.startsWith(`${path}/`)),
      surplus: surplus.map((path) => ({ path, bytes: 10, files: 1, isPartial: false, isSecret: false })),
      ignoreName: undefined,
      ignoreText,
    },
    workEntries: workEntries.map((name) => ({ name, bytes: 1 })),
    outside,
    bases,
  });
}
