import { flagInsertion } from '../../dockerfile/text-edit.ts';
import { defineAdvice } from '../advice.ts';
import { deletesLater, homeOf, isMounted, nodeInstall } from '../package-installs.ts';
import type { ShellCommand } from '../shell-commands.ts';

export const nodeCache = defineAdvice({
  id: 'NodeCache',
  description: 'npm, yarn and pnpm leave no downloads in the image.',
  severity: 'warning',
  confidence: 'certain',
  aliases: ['DL3060'],
  on: 'command',
  check({ command, run, stage }, report, { positions }) {
    const install = nodeInstall(command, run.state);
    if (!stage.ships || install === undefined || install.manager === 'bun') return;
    const { manager } = install;
    const { env } = run.state;
    const home = homeOf(run.state);
    const folder = {
      npm: env.get('npm_config_cache') ?? env.get('NPM_CONFIG_CACHE') ?? `${home}/.npm`,
      yarn: env.get('YARN_CACHE_FOLDER') ?? '/usr/local/share/.cache/yarn',
      pnpm:
        env.get('PNPM_HOME') === undefined
          ? `${home}/.local/share/pnpm/store`
          : `${env.get('PNPM_HOME')}/store`,
    }[manager];
    // Any cache mount counts: the folders of yarn and pnpm depend on their versions and settings.
    const caches = run.mounts.filter(({ type }) => type === 'cache' || type === 'tmpfs');
    if (isMounted(run, folder) || (manager !== 'npm' && caches.length > 0)) return;
    if (caches.some(({ target }) => /npm/.test(target))) return;
    const folderName = folder.split('/').at(-1)!;
    if (deletesLater(run, command, folderName) || deletesLater(run, command, '.cache')) return;
    if (run.commands.some((other) => other.start > command.start && cleans(other))) return;
    const isRoot = home === '/root' && run.state.user === '';
    const flag = `--mount=type=cache,target=${folder}`;
    const { location, source } = run.instruction;
    report({
      message: `${manager} keeps what it downloads in the image, below ${folder}`,
      hint: `Add ${flag}, or ${manager === 'pnpm' ? 'pnpm store prune' : `${manager} cache clean${manager === 'npm' ? ' --force' : ''}`} to this RUN.`,
      location: positions.locationOf(command.start),
      stage,
      ...(isRoot &&
        manager === 'npm' && { fix: [flagInsertion(source, flag, positions.offsetOf(location))] }),
    });
  },
});

function cleans({ name, args }: ShellCommand): boolean {
  const text = [name, ...args].join(' ');
  return /^(npm|yarn) cache (clean|clear|verify)|^pnpm store prune|^yarn cache/.test(text);
}
