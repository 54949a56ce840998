import { defineAdvice } from '../advice.ts';

export const largeUserIds = defineAdvice({
  id: 'LargeUserIds',
  description: 'An account with a large user id is made without a log of logins.',
  severity: 'warning',
  confidence: 'certain',
  aliases: ['DL3046'],
  on: 'command',
  check({ command, stage }, report, { positions }) {
    if (!stage.ships || command.name !== 'useradd') return;
    if (command.args.some((arg) => /^(-[a-zA-Z]*l[a-zA-Z]*|--no-log-init)$/.test(arg))) return;
    const at = command.args.findIndex((arg) => /^(-u|--uid)$/.test(arg));
    const id =
      at < 0
        ? command.args.find((arg) => /^--uid=\d+$|^-u\d+$/.test(arg))?.replace(/\D/g, '')
        : command.args[at + 1];
    if (id === undefined || !/^\d{6,}$/.test(id)) return;
    report({
      message: `useradd with the user id ${id} makes /var/log/lastlog and faillog as large as the id: many megabytes of zeros`,
      hint: 'Add --no-log-init.',
      location: positions.locationOf(command.start),
      stage,
    });
  },
});
