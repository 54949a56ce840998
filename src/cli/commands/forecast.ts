import { forecast } from '../../build/forecast.ts';
import type { ForecastOptions } from '../../build/opened-history.ts';
import { usageError } from '../../errors/error.ts';
import { PROPOSERS } from '../../forecast/proposals/proposals.ts';
import { formatPlatform } from '../../image/platform.ts';
import { defineCommand } from '../command.ts';
import { BUILD_FLAGS } from '../flags/build-flags.ts';
import { PLATFORM_FLAGS } from '../flags/common.ts';
import { since } from '../flags/since.ts';
import { forecastText } from '../print/forecast-text.ts';
import { printJson } from '../print/list-output.ts';

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw usageError(`invalid number "${text}"`, 'Write a whole number above 0.');
}

export const command = defineCommand({
  usage: 'jettison forecast [OPTIONS] [DIRECTORY]',
  about: `Replays the git history of a build context against its Dockerfile: shows how often each instruction would have
run, because of which files, and what would make less run. Nothing is built and nothing is checked out, except with
--apply: git's objects are read directly.`,
  flags: {
    apply: {
      help: 'Rewrite the Dockerfile as proposed, if the image stays the same: builds both and compares',
    },
    'as-committed': { help: "Build each commit with its own Dockerfile and ignore file, not with today's" },
    branch: { value: 'NAME', help: 'A branch, a tag or a commit (default: what is checked out)' },
    'build-arg': BUILD_FLAGS['build-arg'],
    'build-context': BUILD_FLAGS['build-context'],
    commits: {
      value: 'NUMBER',
      help: 'How many commits, along first parents (default: 100; with --since, all)',
      parse: wholeNumber,
    },
    file: BUILD_FLAGS.file,
    json: { help: 'All facts as JSON' },
    only: {
      value: 'ID',
      many: true,
      suggest: PROPOSERS.map(({ id }) => id),
      help: 'Only this proposal; may be given several times',
    },
    platform: { ...PLATFORM_FLAGS.platform, help: 'Build for this platform, such as linux/arm64' },
    since: {
      value: 'DATE',
      help: 'Only commits since then: 2026-01-31, or an age such as 90d',
      parse: (text: string) => since(text),
    },
    target: BUILD_FLAGS.target,
    yes: { short: 'y', help: 'Apply without confirmation' },
  },
  notes: `Times are those that the builds of this store took; of an instruction that never ran here nothing is said. See
docs/forecast.md for what is assumed.`,
  examples: ['jettison forecast', 'jettison forecast --since 90d --branch main services/api'],
  async run({ flags, args: [context = '.'], io }) {
    const { commits, file, target, platform } = flags;
    if (file === '-' && context === '-')
      throw usageError('standard input cannot be both', 'Name a directory.');
    const options: ForecastOptions = {
      context,
      buildArgs: Object.fromEntries(flags['build-arg'].flat()),
      contexts: Object.fromEntries(flags['build-context']),
      commits: commits ?? (flags.since === undefined ? 100 : Number.POSITIVE_INFINITY),
      asCommitted: flags['as-committed'],
      only: flags.only,
      env: io.env,
      signal: io.signal,
      ...(flags.since === undefined ? {} : { since: flags.since }),
      ...(flags.branch === undefined ? {} : { branch: flags.branch }),
      ...(file === undefined ? {} : { file }),
      ...(file === '-' ? { stdin: io.stdin } : {}),
      ...(target === undefined ? {} : { target }),
      ...(platform === undefined ? {} : { platform: formatPlatform(platform) }),
    };
    if (flags.apply) {
      if (flags['as-committed'])
        throw usageError('--apply and --as-committed contradict each other', 'Use one of them.');
      const { applyProposals } = await import('../forecast-apply.ts');
      await applyProposals(options, flags.yes, io);
      return 0;
    }
    const result = await forecast(options);
    if (flags.json) printJson(io, result);
    else io.stdout.write(forecastText(result, options, io));
    return 0;
  },
});
