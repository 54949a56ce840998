import { defineAdvice } from '../advice.ts';

export const changeDirectory = defineAdvice({
  id: 'ChangeDirectory',
  description: 'WORKDIR sets the working directory of a whole RUN.',
  severity: 'info',
  confidence: 'likely',
  aliases: ['DL3003'],
  on: 'run',
  check({ run, stage }, report, { positions }) {
    const [first, ...others] = run.commands;
    if (first?.name !== 'cd' || others.length === 0 || first.next !== '&&') return;
    // It goes somewhere else in between: that is what cd is for.
    if (others.some(({ name }) => name === 'cd' || name === 'pushd')) return;
    report({
      message: `cd ${first.args.join(' ')} holds for this RUN alone`,
      hint: 'Write WORKDIR above it, if later instructions work there, too.',
      location: positions.locationOf(first.start),
      stage,
    });
  },
});
