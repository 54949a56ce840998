import { defineAdvice } from '../advice.ts';

const DOWNLOADS = /^(curl|wget)$/;

export const pipeFailure = defineAdvice({
  id: 'PipeFailure',
  description: 'A RUN fails when a download in front of a pipe fails.',
  severity: 'warning',
  confidence: 'certain',
  aliases: ['DL4006'],
  on: 'command',
  check({ command, run, stage }, report, { positions }) {
    if (command.next !== '|' || !DOWNLOADS.test(command.name)) return;
    const isSet =
      run.state.shell?.some((word) => word.includes('pipefail')) === true ||
      run.commands.some(
        ({ name, args, start }) => name === 'set' && start < command.start && args.includes('pipefail'),
      );
    if (isSet) return;
    report({
      message: `the build goes on when ${command.name} fails: the status of a pipe is that of its last command`,
      hint: 'Write SHELL ["/bin/bash", "-o", "pipefail", "-c"] before it, or download to a file.',
      location: positions.locationOf(command.start),
      stage,
    });
  },
});
