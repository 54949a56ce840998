import { editBetween, type TextEdit } from '../../dockerfile/text-edit.ts';
import { manifestsFirst } from '../../forecast/proposals/manifests-first.ts';
import { defineAdvice, type Evidence } from '../advice.ts';
import { nodeInstall } from '../package-installs.ts';
import type { ShellCommand } from '../shell-commands.ts';
import type { RunFacts } from '../stage-facts.ts';

export const sourcesBeforeInstall = defineAdvice({
  id: 'SourcesBeforeInstall',
  description:
    'Packages are installed before the sources are copied, so that an edit does not install them again.',
  severity: 'warning',
  confidence: 'certain',
  aliases: [],
  on: 'stage',
  check(stage, report, evidence) {
    const { positions, context, rates } = evidence;
    let whole: number | undefined;
    for (const step of stage.steps) {
      if ('copy' in step) {
        const { sources, isContext, instruction } = step.copy;
        if (isContext && sources.some((source) => /^\.?\/?$/.test(source)))
          whole ??= instruction.location.line;
        continue;
      }
      if (whole === undefined) continue;
      const install = step.run.commands.find((command) => installs(command, step.run));
      if (install === undefined || isOfSources(install, context)) continue;
      const what = [install.name, ...install.args].join(' ');
      const rate = rates?.get(step.run.instruction.location.line);
      const often = rate === undefined ? '' : `; ${rate.runs} of the last ${rate.commits} commits would have`;
      report({
        message: `every edit of any file runs "${what}" again: line ${whole} copies all files before it${often}`,
        hint: 'Copy the manifest and the lock file, install, and copy the rest afterwards.',
        location: positions.locationOf(install.start),
        stage,
        ...reordered(evidence, install.start),
      });
      return;
    }
  },
});

/** The fix, where the forecast's proposal is about this command: it is sure that the image stays the same. */
function reordered({ dockerfile, text, plan, context }: Evidence, at: number): { fix?: TextEdit[] } {
  if (plan === undefined || context === undefined) return {};
  const edit = manifestsFirst.propose({
    ...{ dockerfile, plan, ignoreText: context.ignoreText, causes: [] },
    file: (path) => context.file(path),
    has: (path) => context.has(path),
  });
  if (edit === undefined) return {};
  const fix = editBetween(text, edit.dockerfile);
  // The moved lines are around the command.
  return fix.start <= at && at <= fix.end ? { fix: [fix] } : {};
}

function installs(command: ShellCommand, { state }: RunFacts): boolean {
  if (nodeInstall(command, state) !== undefined) return true;
  const text = [command.name, ...command.args].join(' ');
  return /^(python[\d.]* -m )?pip[\d.]* install\b.* (-r|--requirement)\b|^bundle install|^composer install|^go mod download|^poetry install/.test(
    text,
  );
}

/** An installation that needs the sources: of workspaces, with scripts of the project's own. */
function isOfSources(
  { name }: ShellCommand,
  context: { file(path: string): string | undefined } | undefined,
): boolean {
  if (context === undefined || !/^(npm|yarn|pnpm|bun)$/.test(name)) return false;
  try {
    const { workspaces, scripts = {} } = JSON.parse(context.file('package.json') ?? '{}') as {
      workspaces?: unknown;
      scripts?: Record<string, unknown>;
    };
    return (
      workspaces !== undefined ||
      ['preinstall', 'install', 'postinstall', 'prepare'].some((hook) => Object.hasOwn(scripts, hook))
    );
  } catch {
    return true;
  }
}
