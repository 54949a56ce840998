/** The environment of a command, in two parts. */
export interface Environment {
  /** `K=V`, safe for the machine's programs. */
  plain: string[];
  /**
   * `K=V` that the dynamic loader or the C library obeys. Programs with the machine's root must not get them: they would
   * load files named by the image.
   */
  guarded: string[];
}

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const LOADER = /^(LD_|GLIBC_|GCONV_|GETCONF_|MALLOC_|MUSL_|LOCPATH=|NLSPATH=|LIBMOUNT_|BASH_)/;
const LOCALE = /^(LANG|LANGUAGE|LC_[A-Z]+)=/;

/**
 * The environment of a command: the given variables, with defaults for HOME and PATH. The last one of a name wins.
 */
export function completeEnvironment(given: readonly string[], home: string): Environment {
  const variables = new Map([
    ['PATH', DEFAULT_PATH],
    ['HOME', home],
  ]);
  for (const variable of given) {
    const equals = variable.indexOf('=');
    // Entries without a name or without "=" are not variables.
    if (equals > 0) variables.set(variable.slice(0, equals), variable.slice(equals + 1));
  }
  const all = [...variables].map(([name, value]) => `${name}=${value}`);
  return {
    plain: all.filter((variable) => !isGuarded(variable)),
    guarded: all.filter(isGuarded),
  };
}

/** The value of one variable. */
export function variable(environment: Environment, name: string): string | undefined {
  const prefix = `${name}=`;
  return [...environment.plain, ...environment.guarded]
    .find((entry) => entry.startsWith(prefix))
    ?.slice(prefix.length);
}

/**
 * The variables (`K=V`) as values of neutral names, `JETTISON_0`, `JETTISON_1`, …, so that the machine's programs pass
 * them on in their environment: arguments can be read by all users in /proc.
 */
export function carriers(environment: readonly string[]): Record<string, string> {
  return Object.fromEntries(environment.map((entry, index) => [`JETTISON_${index}`, entry]));
}

/** The variables of `carriers` in this process's environment. @param count their number */
export function carried(count: number): string[] {
  return Array.from({ length: count }, (_, index) => process.env[`JETTISON_${index}`]!);
}

function isGuarded(variable: string): boolean {
  // A locale's name is harmless unless it is a path.
  return LOADER.test(variable) || (LOCALE.test(variable) && variable.includes('/'));
}
