import { type Fields, jsonOf, membersOf } from '../fields/json-values.ts';

/** The script of package.json that a command runs. */
export interface PackageScript {
  text: string;
  /** It gets no arguments, and no hook (`pre…`, `post…`) runs around it. */
  isAlone: boolean;
}

/**
 * The script that `npm start` or `npm run NAME` runs; undefined for other commands, and without such a script.
 *
 * @param manifest the text of package.json
 */
export function packageScript(
  words: readonly string[],
  manifest: string | undefined,
): PackageScript | undefined {
  const [manager = '', verb, ...rest] = words;
  if (!/^(npm|yarn|pnpm)$/.test(manager) || manifest === undefined) return undefined;
  const [name, ...args] = verb === 'run' ? rest : [verb, ...rest];
  if (name === undefined) return undefined;
  const scripts = objectMember(manifest, 'scripts');
  const has = (script: string) => Object.hasOwn(scripts, script);
  const text = has(name) ? scripts[name] : undefined;
  if (typeof text !== 'string') return undefined;
  return { text, isAlone: args.length === 0 && !has(`pre${name}`) && !has(`post${name}`) };
}

/** Whether a package.json names development dependencies. */
export function hasDevDependencies(manifest: string): boolean {
  return Object.keys(objectMember(manifest, 'devDependencies')).length > 0;
}

/** The members of an object in a package.json; none where it is missing, or is not one. */
function objectMember(manifest: string, name: string): Fields {
  return membersOf(membersOf(jsonOf(manifest))[name]);
}
