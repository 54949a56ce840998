import { posix } from 'node:path';
import { defineAdvice } from '../advice.ts';
import { amount } from '../image-facts.ts';

export const chownCopies = defineAdvice({
  id: 'ChownCopies',
  description: 'Files get their owner when they are copied: chown -R writes all of them a second time.',
  severity: 'warning',
  confidence: 'certain',
  aliases: [],
  on: 'command',
  check({ command, run, stage }, report, { positions, image }) {
    if (!stage.ships || !/^(chown|chmod|chgrp)$/.test(command.name)) return;
    if (!command.args.some((arg) => /^-[a-zA-Z]*R|^--recursive$/.test(arg))) return;
    const paths = command.args.filter((arg) => !arg.startsWith('-')).slice(1);
    const { line } = run.instruction.location;
    const copy = stage.copies.find(
      ({ destination, instruction }) =>
        instruction.location.line < line && paths.some((path) => holds(path, destination, run.state.cwd)),
    );
    if (copy === undefined) return;
    const layer = image?.layerOf(run.instruction);
    const doubled = layer === undefined ? undefined : image!.hiddenBy(layer, 'metadata');
    if (doubled?.files === 0) return;
    const flag = command.name === 'chmod' ? '--chmod' : '--chown';
    report({
      message: `${command.name} -R puts a second copy of the files of line ${copy.instruction.location.line} into the image${doubled === undefined ? '' : `: ${amount(doubled)}`}`,
      ...(doubled !== undefined && { bytes: doubled.bytes }),
      hint: `Write ${copy.instruction.kind} ${flag}=${command.args.find((arg) => !arg.startsWith('-')) ?? '…'} there.`,
      location: positions.locationOf(command.start),
      stage,
    });
  },
});

function holds(path: string, destination: string, cwd: string | undefined): boolean {
  const folder = path.startsWith('/') ? path : posix.join(cwd ?? '/', path);
  const inside = posix.relative(folder, destination);
  return folder !== '/' && !inside.startsWith('..');
}
