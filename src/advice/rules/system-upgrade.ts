import { defineAdvice } from '../advice.ts';

const UPGRADES =
  /^(apt(-get)? (upgrade|dist-upgrade|full-upgrade)|apk upgrade|(yum|dnf|microdnf) (upgrade|update)|zypper (dup|dist-upgrade|up|update))$/;

export const systemUpgrade = defineAdvice({
  id: 'SystemUpgrade',
  description: 'A newer base image brings updates, not an upgrade of all packages.',
  severity: 'info',
  confidence: 'likely',
  aliases: ['DL3005', 'DL3031', 'DL3035', 'DL3039'],
  on: 'command',
  check({ command, stage }, report, { positions }) {
    const { name, args } = command;
    const [verb = ''] = args.filter((arg) => !arg.startsWith('-'));
    if (!stage.ships || !UPGRADES.test(`${name} ${verb}`)) return;
    // With names it is an upgrade of these.
    if (args.filter((arg) => !arg.startsWith('-')).length > 1) return;
    report({
      message: `${name} ${verb} writes every package with an update a second time, and others on each day`,
      hint: 'Build on a newer tag of the base image; `jettison base` says whether there is one.',
      location: positions.locationOf(command.start),
      stage,
    });
  },
});
