import { defineAdvice } from '../advice.ts';
import { replaceWord } from '../command-edits.ts';
import { nodeInstall } from '../package-installs.ts';

/** Forms of `npm install` that `npm ci` has, too. */
const COMMON_FLAGS =
  /^--(omit(=.*)?|include(=.*)?|no-audit|no-fund|ignore-scripts|prefer-offline|loglevel(=.*)?|registry(=.*)?|legacy-peer-deps)$/;

export const npmCi = defineAdvice({
  id: 'NpmCi',
  description:
    'A project with a lock file is installed by npm ci, which installs exactly what the file lists.',
  severity: 'warning',
  confidence: 'certain',
  aliases: [],
  on: 'command',
  check({ command, run, stage }, report, { positions, context }) {
    const install = nodeInstall(command, run.state);
    if (install?.manager !== 'npm' || install.isFrozen) return;
    const hasLock =
      context === undefined
        ? stage.copies.some(({ sources }) =>
            sources.some((source) => /package-lock|shrinkwrap|package\*/.test(source)),
          )
        : context.has('package-lock.json') || context.has('npm-shrinkwrap.json');
    const location = positions.locationOf(command.start);
    if (!hasLock) {
      if (context === undefined) return;
      const message = 'npm install takes whatever versions are the newest today: there is no lock file';
      const hint = 'Run npm install once in the project, commit package-lock.json, copy it, and use npm ci.';
      report({ message, hint, location, stage });
      return;
    }
    const verb = command.words.find(({ text }) => text === 'install' || text === 'i')!;
    const isSame = command.args.every((arg) => arg === verb.text || COMMON_FLAGS.test(arg));
    // Both files have to be there: npm ci fails without the lock file.
    const copies = stage.copies.filter(
      ({ isContext, instruction }) => isContext && instruction.location.line < location.line,
    );
    const isCopied = copies.some(({ sources }) =>
      sources.some((source) => /^(\.\/?|package\*\.json|(\.\/)?package-lock\.json)$/.test(source)),
    );
    report({
      message: 'npm install may change what the lock file says, and removes nothing that is not in it',
      hint: 'Use npm ci: it is faster, and fails when package.json and the lock file disagree.',
      ...{ location, stage },
      ...(isSame && isCopied && { fix: [replaceWord(verb, 'ci')] }),
    });
  },
});
