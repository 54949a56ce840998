import { basename, dirname, join, resolve } from 'node:path';
import { type AdviceSeverity, SEVERITIES } from '../../advice/advice.ts';
import { ADVICE_RULES } from '../../advice/advise.ts';
import { type LintOptions, type LintResult, lint } from '../../build/lint.ts';
import { statOf } from '../../context/context-source.ts';
import { locate } from '../../context/dockerfile.ts';
import { closest } from '../../errors/closest.ts';
import { usageError } from '../../errors/error.ts';
import { visibleLine } from '../../errors/safe-text.ts';
import { wantsColor } from '../../errors/style.ts';
import type { Platform } from '../../image/types.ts';
import { RULES } from '../../plan/checks/plan-rules.ts';
import { defineCommand, type Io } from '../command.ts';
import { buildArg } from '../flags/build-flags.ts';
import { PLATFORM_FLAGS, REGISTRY_FLAGS } from '../flags/common.ts';
import type { Fixed } from '../lint-fix.ts';
import {
  findingsGithub,
  findingsJson,
  findingsSarif,
  findingsText,
  type RuleBook,
} from '../print/findings.ts';
import { toJson } from '../print/template/values.ts';

const FORMATS = ['text', 'json', 'sarif', 'github'] as const;
/** Rules of shellcheck. */
function isOfShell(rule: string): boolean {
  return /^SC\d{4}$/.test(rule);
}

/** Sets of rules that --rules names. */
const SETS: Record<string, (rule: string) => boolean> = {
  all: () => true,
  docker: (rule) => !ADVICE_RULES.has(rule) && !isOfShell(rule),
  advice: (rule) => ADVICE_RULES.has(rule),
  shell: isOfShell,
};
const RULE_BOOK: RuleBook = new Map<string, { description: string; own?: true }>([
  ...RULES,
  ...[...ADVICE_RULES].map(([id, { description }]) => [id, { description, own: true }] as const),
]);

/** The rules that a list names. */
interface RuleChoice {
  has(rule: string): boolean;
  /** Whether rules of shellcheck are among them. */
  hasShell: boolean;
}

/** @param text names of sets, and ids of rules */
function ruleList(text: string): RuleChoice {
  const names = text.split(',').map((name) => name.trim());
  for (const name of names) {
    if (Object.hasOwn(SETS, name) || RULE_BOOK.has(name) || isOfShell(name)) continue;
    const meant = closest(name, [...Object.keys(SETS), ...RULE_BOOK.keys()]);
    throw usageError(
      `unknown rule "${name}"`,
      meant === undefined
        ? 'The sets are all, docker, advice and shell; docs/lint.md lists the rules.'
        : `Did you mean ${meant}?`,
    );
  }
  return {
    has: (rule) => names.some((name) => (Object.hasOwn(SETS, name) ? SETS[name]!(rule) : name === rule)),
    hasShell: names.some((name) => name === 'all' || name === 'shell' || isOfShell(name)),
  };
}

export const command = defineCommand({
  usage: 'jettison lint [OPTIONS] [FILE|DIR...]',
  about: `Checks Dockerfiles without building them (default: ./Dockerfile; DIR is DIR/Dockerfile), by Docker's rules and by rules of advice on
size, speed and safety. It reads the files, their ignore files and the build context: rules that depend on base images are
left out. \`jettison build --check\` looks at those, too. With --image or --built, it looks into the image that was made:
findings then have sizes, and there are rules on what is shipped.`,
  flags: {
    'build-arg': {
      value: 'NAME[=VALUE]',
      many: true,
      help: 'Check as if this build argument was given; without value, from the environment',
      parse: buildArg,
    },
    built: { help: 'Look into the image, too, that the last build of each Dockerfile made here' },
    config: {
      value: 'FILE',
      help: 'Settings, as hadolint has them. Default: .hadolint.yaml beside the Dockerfile',
    },
    context: { value: 'DIR', help: "The build context. Default: the Dockerfile's folder" },
    'fail-on': {
      value: 'SEVERITY',
      values: [...SEVERITIES, 'none'],
      help: 'Exit with 1 for a finding of this severity or a worse one. Default: that of the settings, else warning',
    },
    fix: { help: 'Rewrite the Dockerfiles: apply the fixes of findings that have one' },
    'fix-dry-run': { help: 'Print what --fix would change, as a patch' },
    format: {
      value: 'FORMAT',
      values: FORMATS,
      help: 'text (the default), json, sarif, or github: annotations',
    },
    image: { value: 'IMAGE', help: 'Look into this image, too, which the Dockerfile made' },
    ...REGISTRY_FLAGS,
    ...PLATFORM_FLAGS,
    remote: { help: 'Read the image from its registry, even if the store has it' },
    rules: {
      value: 'LIST',
      help: 'Rules to check: all (the default), docker, advice, shell (by shellcheck, where installed), or names',
      parse: ruleList,
    },
    run: { help: 'Run the image of --built or --image in a sandbox, too: does EXPOSE name its ports?' },
    target: { value: 'STAGE', help: 'The stage that is shipped. Default: the last one' },
  },
  notes: `A comment "# jettison ignore=RULE reason" above an instruction turns a rule off for it; "# check=skip=NAME,NAME" at
the top does for the file. hadolint's "# hadolint ignore=DL3008" and .hadolint.yaml are understood.

Exit codes: 0 nothing found, 1 something found, 2 the command line is wrong.`,
  examples: [
    'jettison lint',
    'jettison lint --fix-dry-run',
    'jettison lint --built',
    'jettison lint --rules docker --format sarif services/*/Dockerfile > lint.sarif',
  ],
  async run({ flags, args, io }) {
    const rules = flags.rules ?? ruleList('all');
    const isWanted = ({ code }: { code: string }) => rules.has(code);
    // A patch says nothing of what is left to find.
    const shell = rules.hasShell && !flags['fix-dry-run'];
    const image = imageOf(flags, args.length);
    const jobs = (args.length === 0 ? [undefined] : args).map((arg): LintOptions => {
      const file = arg === undefined ? undefined : fileOf(arg, io.cwd);
      // The context is the folder of the file, where its ignore file is.
      const beside = file === undefined || file === '-' ? io.cwd : dirname(resolve(io.cwd, file));
      return {
        context: flags.context === undefined ? beside : resolve(io.cwd, flags.context),
        buildArgs: Object.fromEntries(flags['build-arg'].flat()),
        stdin: io.stdin,
        env: io.env,
        cwd: io.cwd,
        signal: io.signal,
        shell,
        ...(file === undefined ? {} : { file }),
        ...(flags.target === undefined ? {} : { target: flags.target }),
        ...(image === undefined ? {} : { image, run: flags.run }),
        ...(flags.config === undefined ? {} : { config: flags.config }),
      };
    });
    const found: LintResult[] = [];
    if (flags.fix || flags['fix-dry-run']) {
      // Loaded here: most runs only look.
      const { fixFile, writeFixed } = await import('../lint-fix.ts');
      const fixed: Fixed[] = [];
      for (const job of jobs) fixed.push(await fixFile(job, isWanted));
      if (flags['fix-dry-run']) {
        const { patchOf } = await import('../patch-text.ts');
        io.stdout.write(patchOf(fixed, io));
        return 0;
      }
      writeFixed(fixed, io);
      found.push(...fixed.map(({ result }) => result));
    } else {
      for (const job of jobs) found.push(await lint(job));
    }
    const results = found.map((result) => ({ ...result, findings: result.findings.filter(isWanted) }));
    print(results, flags.format ?? 'text', io);
    for (const note of new Set(results.flatMap(({ settings }) => settings.notes))) {
      io.stderr.write(`Settings: ${visibleLine(note)}.\n`);
    }
    const failOn = flags['fail-on'] as AdviceSeverity | 'none' | undefined;
    return results.some((result) => fails(result, failOn ?? result.settings.failOn ?? 'warning')) ? 1 : 0;
  },
});

/** The Dockerfile that an argument names: a directory stands for its own, as in `build`. */
function fileOf(arg: string, cwd: string): string {
  const directory = resolve(cwd, arg);
  if (arg === '-' || !statOf(directory)?.isDirectory()) return arg;
  return join(arg, basename(locate({ directory }).path!));
}

/** The image to look into. @throws JettisonError for flags that exclude each other */
function imageOf(
  flags: {
    image: string | undefined;
    built: boolean;
    fix: boolean;
    'fix-dry-run': boolean;
    run: boolean;
    remote: boolean;
    'registry-insecure': boolean;
    platform: Platform | undefined;
  },
  files: number,
): LintOptions['image'] {
  const { image: name, built, remote, platform } = flags;
  if (name === undefined && !built) {
    if (flags.run) throw usageError('--run has no image', 'Add --built, or --image IMAGE of the store.');
    return undefined;
  }
  if (name !== undefined && built)
    throw usageError('--image and --built exclude each other', 'Omit one of them.');
  if (name !== undefined && files > 1)
    throw usageError('--image is of one Dockerfile', 'Name one, or use --built.');
  if (flags.fix || flags['fix-dry-run'])
    throw usageError('fixes are of the text alone', `Omit --${built ? 'built' : 'image'}.`);
  if (name === undefined) return 'built';
  return { name, remote, insecure: flags['registry-insecure'], ...(platform !== undefined && { platform }) };
}

function print(results: LintResult[], format: (typeof FORMATS)[number], io: Io): void {
  switch (format) {
    case 'json': {
      const all = results.map((result) => ({ file: result.file, ...findingsJson(result, RULE_BOOK) }));
      io.stdout.write(`${toJson(all, 2)}\n`);
      return;
    }
    case 'sarif':
      io.stdout.write(`${toJson(findingsSarif(results, RULE_BOOK), 2)}\n`);
      return;
    case 'github':
      io.stdout.write(findingsGithub(results));
      return;
    case 'text':
      io.stdout.write(findingsText(results, wantsColor(io.stdout, io.env), RULE_BOOK));
  }
}

function fails({ error, findings }: LintResult, limit: AdviceSeverity | 'none'): boolean {
  if (limit === 'none') return false;
  const counts = (severity: AdviceSeverity) => SEVERITIES.indexOf(severity) <= SEVERITIES.indexOf(limit);
  return error !== undefined || findings.some(({ severity }) => counts(severity));
}
