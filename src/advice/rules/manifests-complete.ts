import { compileWildcard } from '../../context/pattern.ts';
import { defineAdvice } from '../advice.ts';
import { nodeInstall } from '../package-installs.ts';

/** What an installation reads besides package.json and the lock file; `manager` where only one does. */
const READ: readonly { path: string; manager?: string; why: string }[] = [
  { path: '.npmrc', why: 'registries and settings' },
  { path: '.yarnrc.yml', manager: 'yarn', why: 'the version and settings of yarn' },
  { path: '.yarn/releases', manager: 'yarn', why: 'yarn itself' },
  { path: 'pnpm-workspace.yaml', manager: 'pnpm', why: 'the workspaces' },
  { path: 'patches', why: 'patches of packages' },
];

export const manifestsComplete = defineAdvice({
  id: 'ManifestsComplete',
  description: 'All files that an installation reads are copied before it.',
  severity: 'warning',
  confidence: 'likely',
  aliases: [],
  on: 'command',
  check({ command, run, stage }, report, { positions, context }) {
    const install = nodeInstall(command, run.state);
    if (install === undefined || context === undefined) return;
    const line = run.instruction.location.line;
    const sources: string[] = [];
    for (let at: typeof stage | undefined = stage; at !== undefined; at = at.base) {
      for (const { isContext, instruction, sources: own } of at.copies) {
        if (at !== stage || instruction.location.line < line) sources.push(...(isContext ? own : ['.']));
      }
    }
    const isBound = run.mounts.some(({ type, target }) => type === 'bind' || /npmrc/.test(target));
    // Without any COPY the files come another way.
    if (sources.length === 0 || isBound) return;
    const isCopied = (path: string) =>
      sources.some((source) => {
        const clean = source.replace(/^(\.?\/)+|\/+$/g, '');
        return clean === '' || clean === '.' || path.startsWith(`${clean}/`) || compileWildcard(clean)(path);
      });
    const manifest = context.file('package.json') ?? '';
    const missing = READ.filter(({ path, manager }) => {
      if (manager !== undefined && manager !== install.manager) return false;
      if (path === 'patches' && !/patch-package|patchedDependencies/.test(manifest)) return false;
      return context.has(path) && !isCopied(path);
    });
    if (
      /"postinstall"[^\n]*prisma generate/.test(manifest) &&
      context.has('prisma/schema.prisma') &&
      !isCopied('prisma/schema.prisma')
    ) {
      missing.push({ path: 'prisma', why: 'the schema that postinstall generates from' });
    }
    const [first] = missing;
    if (first === undefined) return;
    const names = missing.map(({ path }) => path).join(', ');
    report({
      message: `${install.manager} does not see ${names} here: ${first.why}`,
      hint: `Copy ${missing.length === 1 ? 'it' : 'them'} together with package.json.`,
      location: positions.locationOf(command.start),
      stage,
    });
  },
});
