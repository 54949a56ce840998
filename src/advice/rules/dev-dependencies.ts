import { posix } from 'node:path';
import { defineAdvice } from '../advice.ts';
import { nodeInstall } from '../package-installs.ts';
import { shipsPath } from '../stage-facts.ts';

export const devDependencies = defineAdvice({
  id: 'DevDependencies',
  description: 'Development dependencies are not in the image.',
  severity: 'warning',
  confidence: 'likely',
  aliases: [],
  on: 'stage',
  check(stage, report, { stages, positions, context }) {
    const manifest = context?.file('package.json');
    if (manifest !== undefined && !/"devDependencies"\s*:\s*\{\s*"/.test(manifest)) return;
    let found: { start: number; modules: string; manager: string } | undefined;
    for (const run of stage.runs) {
      for (const command of run.commands) {
        const install = nodeInstall(command, run.state);
        const modules = posix.join(run.state.cwd ?? '/', 'node_modules');
        if (install !== undefined) {
          found = install.omitsDev ? undefined : { start: command.start, modules, manager: install.manager };
        }
        const text = [command.name, ...command.args].join(' ');
        // A later layer hides them, which another rule is about.
        if (/^(npm|pnpm) prune\b/.test(text) || (command.name === 'rm' && /node_modules/.test(text)))
          found = undefined;
      }
    }
    if (found === undefined || !shipsPath(stages, stage, found.modules)) return;
    const flag = {
      npm: 'npm ci --omit=dev',
      yarn: 'yarn install --production',
      pnpm: 'pnpm install --prod',
      bun: 'bun install --production',
    }[found.manager];
    report({
      message: `${found.modules.replace(/^\/node_modules/, 'node_modules')} is shipped with its development dependencies`,
      hint: `Install what runs in a stage of its own: ${flag}.`,
      location: positions.locationOf(found.start),
      stage,
    });
  },
});
