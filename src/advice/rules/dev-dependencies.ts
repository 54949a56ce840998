import { posix } from 'node:path';
import { type AdviceFinding, defineAdvice } from '../advice.ts';
import { amount, type ImageFacts } from '../image-facts.ts';
import { nodeInstall } from '../package-installs.ts';
import { shipsPath } from '../stage-facts.ts';

export const devDependencies = defineAdvice({
  id: 'DevDependencies',
  description: 'Development dependencies are not in the image.',
  severity: 'warning',
  confidence: 'likely',
  aliases: [],
  on: 'stage',
  check(stage, report, { stages, target, positions, context, image }) {
    if (image !== undefined) {
      if (stage === target) reportImage(image, report);
      return;
    }
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

/** What the image has of them, by the instruction that brings it. */
function reportImage(image: ImageFacts, report: (finding: AdviceFinding) => void): void {
  const names = new Set<string>();
  const shares = image.shares(({ owner, kind }) => {
    if (owner?.dev !== true && kind !== 'npm-dev') return false;
    if (owner !== undefined) names.add(owner.name);
    return true;
  });
  for (const share of shares) {
    const [first = 'packages', ...others] = [...names].sort();
    const which = others.length === 0 ? first : `${first} and ${others.length} more`;
    report({
      message: `development dependencies are shipped: ${which} (${amount(share)})`,
      hint: 'Install what runs in a stage of its own: npm ci --omit=dev.',
      bytes: share.bytes,
      ...image.place(share.layer),
    });
  }
}
