import { JettisonError } from '../errors/error.ts';

/** A repository that git itself could not read either. */
export function damaged(what: string): JettisonError {
  return new JettisonError('GIT_DAMAGED', `the git repository is damaged: ${what}`, {
    hint: 'See `git fsck`, or clone it anew.',
  });
}

export function gitLimit(what: string, most: number): JettisonError {
  return new JettisonError('GIT_LIMIT', `${what} of the git repository is larger than ${most} bytes`, {
    hint: 'Is it the right repository?',
  });
}

/** An object that history refers to and that was not fetched. */
export function missingObject(id: string, type: string): JettisonError {
  return new JettisonError('GIT_OBJECT_MISSING', `the git repository does not have the ${type} ${id}`, {
    hint: 'A partial clone has no objects of its past: fetch them with `git fetch --refetch --filter=tree:0 --no-filter`, or clone it whole.',
  });
}
