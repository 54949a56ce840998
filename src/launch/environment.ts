/** The environment of a command, and the part of it that only programs inside the root may see. */
export interface Environment {
  /** `K=V`, safe to hand to the machine's own programs. */
  plain: string[];
  /**
   * `K=V` that the dynamic loader, or the C library, of the program that receives them obeys. The last
   * program that runs with the machine's root directory must not: it would load what the image says.
   */
  guarded: string[];
}

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const LOADER = /^(LD_|GLIBC_|GCONV_|GETCONF_|MALLOC_|MUSL_|LOCPATH=|NLSPATH=|LIBMOUNT_|BASH_)/;
const LOCALE = /^(LANG|LANGUAGE|LC_[A-Z]+)=/;

/**
 * The environment of a command: what it was given, with HOME and PATH where they are missing. Of a variable
 * that is given twice the last one counts.
 */
export function completeEnvironment(given: readonly string[], home: string): Environment {
  const variables = new Map([
    ['PATH', DEFAULT_PATH],
    ['HOME', home],
  ]);
  for (const variable of given) {
    const equals = variable.indexOf('=');
    // A name cannot be empty, and one without a value is not a variable.
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
 * The variables (`K=V`) under names that mean nothing to any program: `JETTISON_0`, `JETTISON_1`, … So the machine's
 * programs hand them on to a command in their environment: everybody can read arguments in /proc.
 */
export function carriers(environment: readonly string[]): Record<string, string> {
  return Object.fromEntries(environment.map((entry, index) => [`JETTISON_${index}`, entry]));
}

/** The variables that `carriers` has put into this process's environment. @param count of them */
export function carried(count: number): string[] {
  return Array.from({ length: count }, (_, index) => process.env[`JETTISON_${index}`]!);
}

function isGuarded(variable: string): boolean {
  // A locale's name is harmless unless it is a path.
  return LOADER.test(variable) || (LOCALE.test(variable) && variable.includes('/'));
}
