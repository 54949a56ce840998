import { type FlagTable, flagForm, flagNames } from '../flag.ts';

/** The flags of a command, by its name. */
export type FlagsOf = (command: string) => FlagTable | undefined;

const ROW = /^\| (?<head>(?:\\\||[^|])*?) *\|(?<text>(?:\\\||[^|])*?) *\|$/;

/**
 * Updates the tables of flags in a page of docs/. Each has a comment above it:
 *
 *     <!-- flags: build -->
 *
 * The forms of flags come from the command's table; written explanations are kept, and a new flag gets its help text.
 * Rows of unknown flags are removed. `<!-- flags: run, some -->` adds no rows.
 */
export function withFlagTables(page: string, flagsOf: FlagsOf): string {
  return page.replace(
    /(<!-- flags: ([a-z -]+?)(, some)? -->\n\n?)((?:\|.*\n)+)/g,
    (_all, marker: string, command: string, some: string | undefined, table: string) => {
      const flags = flagsOf(command);
      if (flags === undefined) throw new Error(`unknown command "${command}" in a "flags" comment`);
      const [head = '', rule = '', ...rows] = table.trimEnd().split('\n');
      const written = explanations(rows, flags);
      const missing = some === undefined ? Object.keys(flags).filter((name) => !written.has(name)) : [];
      for (const name of missing) written.set(name, `${flags[name]!.help}.`);
      const lines = [...written].map(([name, text]) => `| ${formOf(name, flags)} | ${text} |`);
      return `${marker}${[head, rule, ...lines].join('\n')}\n`;
    },
  );
}

function explanations(rows: readonly string[], flags: FlagTable): Map<string, string> {
  const texts = new Map<string, string>();
  for (const row of rows) {
    const { head = '', text = '' } = ROW.exec(row)?.groups ?? {};
    for (const [, name = ''] of head.matchAll(/--([a-z][a-z-]*)/g)) {
      if (!Object.hasOwn(flags, name)) continue;
      texts.set(name, [texts.get(name), text.trim()].filter((one) => one !== undefined).join(' '));
    }
  }
  return texts;
}

/** `-f`, `--file FILE` in code, for a cell of a table. */
function formOf(name: string, flags: FlagTable): string {
  const flag = flags[name]!;
  const names = flagNames(name, flag);
  const last = flagForm(name, flag)
    .split(', ')
    .slice(names.length - 1)
    .join(', ');
  return [...names.slice(0, -1), last].map((form) => `\`${form.replaceAll('|', '\\|')}\``).join(', ');
}
