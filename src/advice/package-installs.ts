import type { ShellCommand } from './shell-commands.ts';
import type { RunFacts, State } from './stage-facts.ts';

/** A command that installs what package.json lists. */
export interface NodeInstall {
  manager: 'npm' | 'yarn' | 'pnpm' | 'bun';
  /** It installs exactly what the lock file lists, or fails. */
  isFrozen: boolean;
  /** Development dependencies are left out. */
  omitsDev: boolean;
  /** Development dependencies are asked for whatever NODE_ENV says. */
  includesDev: boolean;
}

const INSTALLS: Record<NodeInstall['manager'], readonly string[]> = {
  npm: ['install', 'i', 'ci', 'clean-install', 'install-clean', 'add'],
  yarn: ['install', 'add'],
  pnpm: ['install', 'i', 'add', 'ci'],
  bun: ['install', 'i', 'add'],
};
/** Flags whose value is the next word. */
const VALUED = new Set([
  '--prefix',
  '-C',
  '--dir',
  '--cwd',
  '--omit',
  '--include',
  '--only',
  '--filter',
  '-F',
  '-w',
  '--workspace',
  '--registry',
  '--cache',
  '--loglevel',
  '--network-timeout',
]);
const FROZEN = /^--(frozen-lockfile|immutable)$/;

/** Reads a command as an installation of a whole project; undefined for others, such as `npm install -g pm2`. */
export function nodeInstall(
  { name, args, assignments }: ShellCommand,
  { env }: State,
): NodeInstall | undefined {
  if (!(name in INSTALLS)) return undefined;
  const manager = name as NodeInstall['manager'];
  const plain = plainWords(args);
  const verb = plain[0] ?? (manager === 'yarn' ? 'install' : '');
  if (!INSTALLS[manager].includes(verb) || plain.length > 1 || verb === 'add') return undefined;
  if (isGlobal(args)) return undefined;
  const text = args.join(' ');
  const production = assignments.includes('NODE_ENV=production') || env.get('NODE_ENV') === 'production';
  const includesDev = /--include[= ]dev|--production=false|--prod=false|--also=dev/.test(text);
  const asksFor = /--omit[= ]dev|--only[= ]prod|--production(?!=false)|--prod(?!=|uction)|(^| )-P( |$)/.test(
    text,
  );
  return {
    manager,
    isFrozen: /^(ci|clean-install|install-clean)$/.test(verb) || args.some((arg) => FROZEN.test(arg)),
    omitsDev: asksFor || (production && !includesDev),
    includesDev,
  };
}

/** Whether npm installs for the whole machine, not for a project. */
export function isGlobal(args: readonly string[]): boolean {
  return args.some((arg) => /^(-g|--global|--location=global)$/.test(arg));
}

/** The words of a command that are neither flags nor their values. */
function plainWords(args: readonly string[]): string[] {
  return args.filter((arg, i) => !arg.startsWith('-') && !VALUED.has(args[i - 1] ?? ''));
}

/** The packages that a command names, and whether it installs packages with this program at all. */
export function packagesOf(
  { name, args }: ShellCommand,
  programs: readonly string[],
  verbs: readonly string[],
): string[] | undefined {
  if (!programs.includes(name)) return undefined;
  const plain = plainWords(args);
  const at = plain.findIndex((word) => verbs.includes(word));
  return at < 0 ? undefined : plain.slice(at + 1);
}

/** Whether a cache or tmpfs mount keeps a folder of the command out of the layer. */
export function isMounted({ mounts }: RunFacts, folder: string): boolean {
  return mounts.some(
    ({ type, target }) =>
      (type === 'cache' || type === 'tmpfs') && `${folder}/`.startsWith(`${target.replace(/\/+$/, '')}/`),
  );
}

/** Whether a later command of the same RUN deletes something whose path contains a text. */
export function deletesLater({ commands }: RunFacts, after: ShellCommand, part: string): boolean {
  return commands.some(
    ({ name, args, start }) =>
      start > after.start && (name === 'rm' || name === 'find') && args.some((arg) => arg.includes(part)),
  );
}

/** The home folder of the user that a command runs as. */
export function homeOf({ user, env }: State): string {
  const set = env.get('HOME');
  if (set !== undefined) return set;
  const name = user.replace(/:.*$/, '');
  return name === '' || name === 'root' || name === '0' ? '/root' : `/home/${name}`;
}
