import { defineAdvice } from '../advice.ts';
import { insertAfter, wordOf } from '../command-edits.ts';
import { deletesLater, isMounted } from '../package-installs.ts';

export const apkCache = defineAdvice({
  id: 'ApkCache',
  description: 'apk add leaves no index in the image.',
  severity: 'warning',
  confidence: 'certain',
  aliases: ['DL3019'],
  on: 'command',
  check({ command, run, stage }, report, { positions }) {
    const verb = wordOf(command, 'add') ?? wordOf(command, 'upgrade');
    if (!stage.ships || command.name !== 'apk' || verb === undefined) return;
    if (command.args.includes('--no-cache') || command.args.includes('--network=none')) return;
    if (isMounted(run, '/var/cache/apk') || isMounted(run, '/etc/apk/cache')) return;
    if (deletesLater(run, command, '/var/cache/apk')) return;
    report({
      message: `apk ${verb.text} keeps its package index in the image`,
      hint: 'Add --no-cache.',
      location: positions.locationOf(command.start),
      stage,
      fix: [insertAfter(verb, '--no-cache')],
    });
  },
});
