import { openSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import { usageError } from '../../errors/error.ts';
import { wantsColor } from '../../errors/style.ts';
import { unguarded } from '../../errors/terminal-guard.ts';
import { glyphsFor } from '../../events/glyphs.ts';
import { causesOf } from '../../explore/causes.ts';
import { Explorer } from '../../explore/explorer.ts';
import { explore } from '../../explore/session.ts';
import type { Subject } from '../../explore/subject.ts';
import { summaryLines } from '../../explore/summary.ts';
import { writeOutput } from '../../export/write-output.ts';
import { describe, describeFiles } from '../../inspect/describe.ts';
import { jsonDocument } from '../../report/json-pieces.ts';
import { defineCommand, type Io } from '../command.ts';
import { SOURCE_FLAGS, SOURCE_NOTE, withInspections } from '../with-inspections.ts';

/** The input for keys: standard input, else (it may be an archive) the terminal; undefined without a screen. */
function keyboard(io: Io): ReadStream | NodeJS.ReadStream | undefined {
  if (io.stdout.isTTY !== true || io.env['TERM'] === 'dumb') return undefined;
  if (io.stdin.isTTY) return io.stdin;
  try {
    return new ReadStream(openSync('/dev/tty', 'r+'));
  } catch {
    return undefined;
  }
}

export const command = defineCommand({
  usage: 'jettison explore [OPTIONS] IMAGE',
  about: `Shows an image layer by layer: files, packages, kinds of content, wasted bytes, and why each is there. On a
terminal with keys (\`?\` lists them; those of dive work), else as a summary.`,
  flags: {
    ...SOURCE_FLAGS,
    files: { help: 'With --json: every file, too' },
    json: { help: 'All facts as JSON' },
    summary: { help: 'Print the summary on a terminal, too' },
  },
  notes: SOURCE_NOTE,
  examples: [
    'jettison explore app',
    'docker save app | jettison explore docker-archive:-',
    'jettison explore --remote --summary node:22-slim',
  ],
  async run({ flags, args, io }) {
    if (flags.json && flags.summary) {
      throw usageError('--json and --summary exclude each other', 'Use one of them.');
    }
    if (flags.files && !flags.json) throw usageError('--files needs --json', 'Add --json.');
    return withInspections(args, flags, io, async ([inspection], store) => {
      const description = describe(inspection!);
      if (flags.json) {
        const files = flags.files && { files: describeFiles(inspection!.census) };
        await writeOutput({ stream: io.stdout }, jsonDocument({ ...description, ...files }), io.signal);
        return 0;
      }
      const input = flags.summary ? undefined : keyboard(io);
      if (input === undefined) {
        io.stdout.write(`${summaryLines(description).join('\n')}\n`);
        return 0;
      }
      const { columns = 80, rows = 24 } = io.stdout;
      const causes = (leaf: Subject) => causesOf(inspection!, store, leaf);
      await explore(new Explorer(inspection!, description, causes, { columns, rows }), {
        terminal: { input, output: unguarded(io.stdout) },
        color: wantsColor(io.stdout, io.env),
        ascii: glyphsFor(io.env).ellipsis !== '…',
        cwd: io.cwd,
        signal: io.signal,
      });
      return 0;
    });
  },
});
