/** How programs of the machine hand variables to a command: in their environment, since arguments are everybody's to read in /proc. */

/** Names that a shell gives a meaning of its own, or refuses to set; locales, about which it may complain. */
const SHELL =
  /^(_|[CE]?UID|PPID|IFS|PWD|OLDPWD|OPT[A-Z]+|PS[0-4]|SHLVL|SHELLOPTS|GROUPS|DIRSTACK|S?RANDOM|SECONDS|LINENO|FUNCNAME|EPOCH[A-Z]+|PIPESTATUS|POSIXLY_CORRECT|ENV|LANG|LANGUAGE|(LC_|BASH|HIST|COMP_|JETTISON_).*)$/;
/** What there is in the environment of such a shell besides. */
const OURS = ['PATH', 'LC_ALL', 'LIBMOUNT_FORCE_MOUNT2', 'JETTISON_SCRIPT', 'PWD', 'OLDPWD', 'SHLVL', '_'];

/** The variables (`K=V`) under names that mean nothing to any program: `JETTISON_0`, `JETTISON_1`, … */
export function carriers(environment: readonly string[]): Record<string, string> {
  return Object.fromEntries(environment.map((entry, index) => [`JETTISON_${index}`, entry]));
}

/** What `carriers` made of an environment, in this process's. @param count of its variables */
export function carried(count: number): string[] {
  return Array.from({ length: count }, (_, index) => process.env[`JETTISON_${index}`]!);
}

/**
 * How a POSIX shell that has the carriers in its environment sets the variables themselves.
 *
 * @returns `exports`: lines of the shell; `words`: options and arguments of `env`, as the shell reads them, that leave
 *   nothing but the variables. The few that no shell can set are among them.
 */
export function handOver(environment: readonly string[]): { exports: string[]; words: string[] } {
  const names = environment.map((entry) => entry.slice(0, entry.indexOf('=')));
  const isExported = (name: string) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !SHELL.test(name);
  const foreign = [...OURS, ...environment.map((_, index) => `JETTISON_${index}`)].filter(
    (name) => !(names.includes(name) && isExported(name)),
  );
  return {
    exports: names.flatMap((name, index) =>
      isExported(name) ? [`export ${name}="\${JETTISON_${index}#*=}"`] : [],
    ),
    words: [
      ...foreign.flatMap((name) => ['-u', name]),
      '--',
      ...names.flatMap((name, index) => (isExported(name) ? [] : [`"$JETTISON_${index}"`])),
    ],
  };
}
