import { defineAdvice } from '../advice.ts';
import { isGlobal, packagesOf } from '../package-installs.ts';
import type { ShellCommand } from '../shell-commands.ts';

export const pinnedTools = defineAdvice({
  id: 'PinnedTools',
  description: 'Tools that a RUN installs by name have a version.',
  severity: 'info',
  confidence: 'likely',
  aliases: ['DL3013', 'DL3016', 'DL3028', 'DL3062'],
  on: 'command',
  check({ command, stage }, report, { positions }) {
    const open = unpinned(command);
    if (open.length === 0) return;
    report({
      message: `${open.join(', ')} will be another version after each release`,
      hint: `Write the version: ${command.name === 'gem' ? `${open[0]}:1.2.3` : /^pip/.test(command.name) ? `${open[0]}==1.2.3` : `${open[0]!.replace(/@latest$/, '')}@1.2.3`}.`,
      location: positions.locationOf(command.start),
      stage,
    });
  },
});

/** The packages that a command installs by their names alone. */
function unpinned(command: ShellCommand): string[] {
  const { name, args } = command;
  if (name === 'npm' && isGlobal(args)) {
    const names = packagesOf(command, ['npm'], ['install', 'i', 'add']) ?? [];
    return names.filter((one) => !/.@.|[:/$].*[/.]|^[./$]|\$/.test(one) || /@latest$/.test(one));
  }
  if (/^pip[\d.]*$/.test(name) && !args.some((arg) => /^(-r|--requirement|-e|-c|--constraint)/.test(arg))) {
    return (packagesOf(command, [name], ['install']) ?? []).filter(
      (one) => /^[\w.-]+(\[[\w,]+\])?$/.test(one) && one !== '.',
    );
  }
  if (name === 'gem') {
    if (args.some((arg) => /^(-v|--version)/.test(arg))) return [];
    return (packagesOf(command, ['gem'], ['install']) ?? []).filter((one) => /^[\w-]+$/.test(one));
  }
  if (name === 'go')
    return (packagesOf(command, ['go'], ['install']) ?? []).filter((one) => /@latest$/.test(one));
  return [];
}
