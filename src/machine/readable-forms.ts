import { userInfo } from 'node:os';
import type { Isolation, RungChoice } from '../protocol/rung.ts';
import type { ReadableForms } from '../store/forms.ts';
import { DIRECTORY_FORMS } from '../store/forms.ts';
import { grantsIds } from './id-ranges.ts';

const ALL: ReadableForms = [...DIRECTORY_FORMS];

/** The forms that a worker can read, its own first. @param uid of the process outside the namespaces that it makes */
export function formsOf(isolation: Isolation, uid: number = process.getuid?.() ?? -1): ReadableForms {
  switch (isolation) {
    case 'root':
      return ALL;
    case 'nested':
    case 'ranges':
      return ['dir-user', 'dir-single', 'dir-plain'];
    case 'single':
      return ['dir-single', 'dir-plain'];
    case 'none':
      return uid === 0 ? ['dir-plain', 'dir', 'dir-user', 'dir-single'] : ['dir-plain', 'dir-single'];
  }
}

/** The forms that the worker of a build can probably read, guessed without starting it. */
export function expectedForms(rung: RungChoice): ReadableForms {
  if (rung === 'none') return formsOf('none');
  if (process.getuid?.() === 0) return ALL;
  const { username, uid } = userInfo();
  return formsOf(grantsIds([username, String(uid)]) ? 'ranges' : 'single');
}
