import { defineAdvice } from '../advice.ts';
import { amount } from '../image-facts.ts';
import type { ShellCommand } from '../shell-commands.ts';
import type { StageFacts } from '../stage-facts.ts';

const LEFTOVERS =
  /(^|\/)(node_modules|\.npm|\.cache|\.git|\.gradle|\.m2|\.cargo)(\/|$)|^\/var\/(lib\/apt\/lists|cache)|^\/tmp\//;
/** Bytes: package managers replace a few small files in every installation. */
const WORTH_SAYING = 100_000;
const HINT = 'Delete in the RUN that makes the files, or copy what is needed into a stage of its own.';
const CLEANERS: readonly RegExp[] = [
  /^(npm|pnpm) prune\b/,
  /^(npm|yarn) cache clean\b/,
  /^pnpm store prune\b/,
  /^apt(-get)? (-y )?(clean|autoclean|autoremove|purge|remove)\b/,
  /^apk (--no-cache )?del\b/,
  /^(yum|dnf|microdnf) clean\b/,
  /^pip3? cache purge\b/,
];

export const cleanupInLaterLayer = defineAdvice({
  id: 'CleanupInLaterLayer',
  description: 'Files are deleted in the instruction that makes them: a later one frees nothing.',
  severity: 'warning',
  confidence: 'certain',
  aliases: [],
  on: 'run',
  check({ run, stage }, report, { positions, image }) {
    if (!stage.ships || run.commands.length === 0) return;
    const layer = image?.layerOf(run.instruction);
    const hidden = layer === undefined ? undefined : image!.hiddenBy(layer, 'deleted');
    if (hidden !== undefined) {
      if (hidden.bytes < WORTH_SAYING) return;
      report({
        message: `this RUN deletes files that stay in the layers below: ${amount(hidden)}`,
        hint: HINT,
        location: run.instruction.location,
        stage,
        bytes: hidden.bytes,
      });
      return;
    }
    const own = run.commands.filter(({ name }) => name !== 'set' && name !== 'cd' && name !== '');
    const [first] = own;
    if (first === undefined || !own.every((command) => cleans(command, stage))) return;
    if (!hasFilesBelow(stage, run.instruction.location.line)) return;
    const what = [first.name, ...first.args].join(' ');
    report({
      message: `"${what.length > 50 ? `${what.slice(0, 49)}…` : what}" deletes files that stay in the layers below: the image gets no smaller`,
      hint: HINT,
      location: positions.locationOf(first.start),
      stage,
    });
  },
});

function cleans({ name, args }: ShellCommand, stage: StageFacts): boolean {
  const text = [name, ...args].join(' ');
  if (CLEANERS.some((pattern) => pattern.test(text))) return true;
  if (name !== 'rm') return false;
  const paths = args.filter((arg) => !arg.startsWith('-'));
  const copied = stage.copies.map(({ destination }) => destination.replace(/\/+$/, ''));
  return paths.some((path) => LEFTOVERS.test(path) || copied.includes(path.replace(/\/\*?$/, '')));
}

/** Whether an instruction of the image made files before: those of the base image are not ours. */
function hasFilesBelow(stage: StageFacts, line: number): boolean {
  if (stage.base !== undefined) return true;
  return (
    stage.copies.some(({ instruction }) => instruction.location.line < line) ||
    stage.runs.some(({ instruction }) => instruction.location.line < line)
  );
}
