import { defineAdvice } from '../advice.ts';

export const aptUpdateAlone = defineAdvice({
  id: 'AptUpdateAlone',
  description: 'Package lists are updated in the RUN that installs packages.',
  severity: 'warning',
  confidence: 'certain',
  aliases: [],
  on: 'run',
  check({ run, stage }, report, { positions }) {
    const update = run.commands.find(
      ({ name, args }) => /^apt(-get)?$/.test(name) && args.includes('update'),
    );
    const installs = (commands: typeof run.commands) =>
      commands.some(({ name, args }) => /^apt(-get)?$|^aptitude$/.test(name) && !args.includes('update'));
    if (update === undefined || installs(run.commands)) return;
    const after = stage.runs.slice(stage.runs.indexOf(run) + 1);
    if (!after.some(({ commands }) => installs(commands))) return;
    report({
      message:
        'the lists that this RUN fetches are cached: later installations use old ones, and fail some day',
      hint: 'Write apt-get update && apt-get install in one RUN.',
      location: positions.locationOf(update.start),
      stage,
    });
  },
});
