import { defineAdvice } from '../advice.ts';
import { homeOf } from '../package-installs.ts';

export const cacheMountTarget = defineAdvice({
  id: 'CacheMountTarget',
  description: 'A cache mount is where the program keeps its cache.',
  severity: 'warning',
  confidence: 'likely',
  aliases: [],
  on: 'run',
  check({ run, stage }, report) {
    const { state, commands, mounts } = run;
    const home = homeOf(state);
    for (const { type, target, word } of mounts) {
      if (type !== 'cache' || word === undefined || target.includes('$')) continue;
      const report_ = (message: string, hint: string) =>
        report({ message, hint, location: word.location, stage });
      if (target.startsWith('~')) {
        report_(
          `a mount does not know "~": the cache is at ${target} below the working directory`,
          `Write ${home}${target.slice(1)}.`,
        );
        continue;
      }
      const installs = commands.some(
        ({ name, args }) =>
          /^(npm|yarn|pnpm|bun)$/.test(name) && args.some((arg) => /^(ci|i|install)$/.test(arg)),
      );
      const keeps = commands.some(
        ({ name }) => name === 'cp' || name === 'mv' || name === 'rsync' || name === 'tar',
      );
      if (installs && /(^|\/)node_modules\/?$/.test(target) && !keeps) {
        report_(
          'packages that are installed into a cache mount are not in the image',
          `Mount the cache of the package manager, such as ${home}/.npm.`,
        );
        continue;
      }
      const [, folder] = /^(\/root|\/home\/[^/]+)\/\.(npm|cache|cargo|m2|gradle)(\/|$)/.exec(target) ?? [];
      if (folder === undefined || folder === home || !isHomeKnown(state.user)) continue;
      if (
        commands.some(({ args, assignments }) =>
          [...args, ...assignments].some((word) => word.includes(folder)),
        )
      )
        continue;
      if ([...state.env.values()].some((value) => value.includes(folder))) continue;
      report_(
        `this RUN runs as ${state.user === '' ? 'root' : state.user}, whose caches are in ${home}`,
        `Write ${target.replace(folder, home)}.`,
      );
    }
  },
});

/** Numbers and unknown bases say nothing of the home folder. */
function isHomeKnown(user: string): boolean {
  return user !== '' && !/^\d+(:|$)/.test(user) ? true : user === '0' || user.startsWith('0:');
}
