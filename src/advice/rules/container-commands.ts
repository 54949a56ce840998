import { defineAdvice } from '../advice.ts';

const MACHINE = /^(shutdown|reboot|systemctl|service|top|free|ifconfig)$/;

export const containerCommands = defineAdvice({
  id: 'ContainerCommands',
  description: 'A RUN starts no program that manages a whole machine.',
  severity: 'info',
  confidence: 'likely',
  aliases: ['DL3001'],
  on: 'command',
  check({ command, stage }, report, { positions }) {
    if (!MACHINE.test(command.name)) return;
    report({
      message: `${command.name} manages a machine: in a build it has no effect on what the image does later`,
      hint: 'Leave it out. A service is started by CMD or ENTRYPOINT, one for each container.',
      location: positions.locationOf(command.start),
      stage,
    });
  },
});
