import { defineAdvice } from '../advice.ts';
import { nodeInstall } from '../package-installs.ts';
import { hasDevDependencies } from '../package-json.ts';

export const productionBeforeBuild = defineAdvice({
  id: 'ProductionBeforeBuild',
  description: 'A stage that builds installs the development dependencies, too.',
  severity: 'warning',
  confidence: 'likely',
  aliases: [],
  on: 'stage',
  check(stage, report, { positions, context }) {
    let found: { start: number; manager: string } | undefined;
    for (const run of stage.runs) {
      for (const command of run.commands) {
        const install = nodeInstall(command, run.state);
        if (install !== undefined) {
          const isByVariable = install.omitsDev && run.state.env.get('NODE_ENV') === 'production';
          found = isByVariable ? { start: command.start, manager: install.manager } : undefined;
        }
        const isBuild =
          /^(npm|pnpm|yarn|bun)$/.test(command.name) && /^(run )?build\b/.test(command.args.join(' '));
        if (!isBuild || found === undefined) continue;
        const manifest = context?.file('package.json');
        // Without the manifest, a build is expected to need tools.
        if (manifest !== undefined && !hasDevDependencies(manifest)) continue;
        report({
          message: `NODE_ENV=production makes ${found.manager} leave out what "${command.name} ${command.args.join(' ')}" needs`,
          hint: 'Set NODE_ENV after the build, or in the last stage; or install with --include=dev.',
          location: positions.locationOf(found.start),
          stage,
        });
        return;
      }
    }
  },
});
