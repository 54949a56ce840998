/** How programs of the machine hand variables to a command: in their environment, since arguments are everybody's to read in /proc. */

/** The variables (`K=V`) under names that mean nothing to any program: `JETTISON_0`, `JETTISON_1`, … */
export function carriers(environment: readonly string[]): Record<string, string> {
  return Object.fromEntries(environment.map((entry, index) => [`JETTISON_${index}`, entry]));
}

/** What `carriers` made of an environment, in this process's. @param count of its variables */
export function carried(count: number): string[] {
  return Array.from({ length: count }, (_, index) => process.env[`JETTISON_${index}`]!);
}
