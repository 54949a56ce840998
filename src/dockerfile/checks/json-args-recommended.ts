import { defineCheck } from './define-check.ts';

export const jsonArgsRecommended = defineCheck({
  id: 'JSONArgsRecommended',
  description: 'CMD and ENTRYPOINT are written as JSON, so that signals reach the program and not a shell.',
  on: 'stage',
  assumesDefaultShell: true,
  check({ index, instructions }, report) {
    for (const instruction of instructions) {
      const { kind, location } = instruction;
      // A stage with a SHELL uses that shell deliberately.
      if (kind === 'SHELL') return;
      if ((kind !== 'CMD' && kind !== 'ENTRYPOINT') || instruction.command.form !== 'shell') continue;
      const { fault } = instruction.command;
      report({
        message:
          fault === undefined
            ? `in this form a shell starts the program of ${kind}, and signals do not reach it`
            : `the text of ${kind} is run by a shell, since it is not a JSON array: ${fault.message}`,
        location: fault?.location ?? location,
        hint: `Write ${kind} ["program", "argument"].`,
        stage: index,
      });
    }
  },
});
