import { rulesOf } from '../context/ignore.ts';
import type { Cause } from '../events/cause.ts';
import type { IgnoreList } from './step-facts.ts';

/** Causes that an ignore file may be behind. */
const OF_FILES: ReadonlySet<Cause['kind']> = new Set<Cause['kind']>([
  'file-gone',
  'file-new',
  'file-renamed',
]);

/**
 * The same causes, where files that came or went because the ignore file changed are told as that: an ignore file that
 * now matches what was selected before, or matched what is selected now.
 */
export function withIgnoreCauses(
  causes: readonly Cause[],
  now: IgnoreList | undefined,
  was: IgnoreList | undefined,
): Cause[] {
  const patternsOf = (list: IgnoreList | undefined) => (list?.patterns ?? []).join('\n');
  if (patternsOf(now) === patternsOf(was) || !causes.some(({ kind }) => OF_FILES.has(kind)))
    return [...causes];
  const [rules, rulesWas] = [now, was].map((list) => rulesOf(list?.patterns.join('\n'), list?.file));
  if (rules!.patterns.join('\n') === rulesWas!.patterns.join('\n')) return [...causes];
  const gone = (path: string, cause: Cause): Cause => ({
    ...{ kind: 'file-ignored', name: path, now: rules!.file, at: cause.at },
    ...(cause.place === undefined ? {} : { place: cause.place }),
  });
  const come = (path: string, cause: Cause): Cause => ({
    ...{ kind: 'file-admitted', name: path, was: rulesWas!.file, at: cause.at },
    ...(cause.place === undefined ? {} : { place: cause.place }),
  });
  return causes.flatMap((cause) => {
    const { kind, name, was: before } = cause;
    if (kind === 'file-gone' && rules!.excludes(name)) return [gone(name, cause)];
    if (kind === 'file-new' && rulesWas!.excludes(name)) return [come(name, cause)];
    // Two files of the same content, one of which is left out now and the other one was.
    const isOther = kind === 'file-renamed' && rules!.excludes(before!) && rulesWas!.excludes(name);
    return isOther ? [gone(before!, cause), come(name, cause)] : [cause];
  });
}
