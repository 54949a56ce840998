import { nameOf } from '../../layer/entry.ts';
import { defineAdvice } from '../advice.ts';

const ARCHIVE = /\.(tar|tgz|txz|tar\.(gz|xz|bz2|zst)|zip)$/;

export const extractedArchive = defineAdvice({
  id: 'ExtractedArchive',
  description: 'An archive of the context is extracted by ADD, which leaves no copy of it in the image.',
  severity: 'warning',
  confidence: 'certain',
  aliases: ['DL3010'],
  on: 'command',
  check({ command, run, stage }, report, { positions }) {
    const isExtraction =
      (command.name === 'tar' && /^-*[A-Za-z]*x|^--(extract|get)$/.test(command.args.join(' '))) ||
      command.name === 'unzip';
    if (!stage.ships || !isExtraction) return;
    const { line } = run.instruction.location;
    const isNamed = (source: string) => command.args.some((arg) => nameOf(arg) === nameOf(source));
    const [found] = stage.copies
      .filter(({ isContext, instruction }) => isContext && instruction.location.line < line)
      .flatMap(({ sources, instruction }) => {
        const archive = sources.find((source) => ARCHIVE.test(source) && isNamed(source));
        return archive === undefined ? [] : [{ archive, at: instruction.location.line }];
      });
    if (found === undefined) return;
    const { archive, at } = found;
    report({
      message: `${archive} stays in the layer of line ${at}, beside what is extracted of it`,
      hint:
        command.name === 'tar'
          ? `Write ADD ${archive} in place of the COPY: it extracts.`
          : 'Extract it in another stage, and copy the result.',
      location: positions.locationOf(command.start),
      stage,
    });
  },
});
