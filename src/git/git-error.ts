import { JettisonError } from '../errors/error.ts';

/** The error for a damaged repository, which git cannot read either. */
export function damaged(what: string): JettisonError {
  return new JettisonError('GIT_DAMAGED', `the git repository is damaged: ${what}`, {
    hint: 'Run `git fsck`, or clone it again.',
  });
}

export function gitLimit(what: string, most: number): JettisonError {
  return new JettisonError('GIT_LIMIT', `${what} of the git repository is larger than ${most} bytes`, {
    hint: 'Is it the right repository?',
  });
}

/** The error for a missing object of the history, as in a partial clone. */
export function missingObject(id: string, type: string): JettisonError {
  return new JettisonError('GIT_OBJECT_MISSING', `the git repository does not have the ${type} ${id}`, {
    hint: 'A partial clone lacks old objects: fetch them with `git fetch --refetch --filter=tree:0 --no-filter`, or make a full clone.',
  });
}
