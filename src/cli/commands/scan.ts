import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { SEVERITIES, type Severity } from '../../advisories/advisory.ts';
import { DATABASE_FORMS } from '../../advisories/open-sources.ts';
import { JettisonError } from '../../errors/error.ts';
import { readIgnoreFile } from '../../scan/ignore-rules.ts';
import { type Scan, scan } from '../../scan/scan-image.ts';
import { scanDocument } from '../../scan/scan-json.ts';
import { defineCommand, type Io } from '../command.ts';
import { printJson } from '../print/list-output.ts';
import { scanGithub } from '../print/scan/scan-github.ts';
import { scanSarif } from '../print/scan/scan-sarif.ts';
import { scanText } from '../print/scan/scan-text.ts';
import { SOURCE_FLAGS, SOURCE_NOTE, withInspections } from '../with-inspections.ts';
import { withSources } from '../with-sources.ts';

const FORMATS = ['table', 'json', 'sarif', 'github'] as const;
/** Nothing could be asked: neither clean nor not. */
const NOT_SCANNED = 3;

export const command = defineCommand({
  usage: 'jettison scan [OPTIONS] IMAGE',
  about: `Looks for known vulnerabilities in everything that is in an image, and says what removes them: a newer base, a
package, a tool left out. Each is shown with the Dockerfile line that brought it.`,
  flags: {
    db: {
      ...{ value: DATABASE_FORMS.join('|'), many: true },
      help: 'Advisories to look in; several times for several. Default: trivy-db, or $JETTISON_DB',
    },
    'fail-on': {
      ...{ value: 'SEVERITY', values: SEVERITIES },
      help: 'Exit with 1 when there is a finding of this severity or a worse one',
    },
    format: {
      value: 'FORMAT',
      values: FORMATS,
      help: 'table (the default), json, sarif, or github: annotations',
    },
    ignore: { value: 'FILE', many: true, help: 'Findings that do not count, each with a reason' },
    'ignore-unfixed': { help: 'Leave out findings that no version removes' },
    json: { help: 'The same as --format json' },
    offline: { help: 'Take the advisories that the store has, and ask nobody for newer ones' },
    ...SOURCE_FLAGS,
  },
  notes: `${SOURCE_NOTE}

A database is fetched when the store has none or its publisher has a newer one; never twice in six hours.

A line of an ignore file: CVE-2023-45853 zlib until 2026-12-31: minizip is not used. The package and the date may be left
out.

Exit codes: 0 scanned, 1 scanned, and --fail-on holds, 2 the command line is wrong, 3 not scanned: there are no advisories.`,
  examples: [
    'jettison scan app',
    'jettison scan --fail-on high registry://example.com/team/app:1',
    'jettison scan --format sarif app > scan.sarif',
  ],
  async run({ flags, args, io }) {
    const [image = ''] = args;
    const rules = flags.ignore.flatMap((file) => readIgnoreFile(textOf(file, io), file));
    return withInspections([image], flags, io, ([inspection], store) =>
      withSources(
        store,
        { databases: flags.db, offline: flags.offline, insecure: flags['registry-insecure'] },
        io,
        async (sources) => {
          if (sources.length === 0) {
            io.stderr.write(
              'Not scanned: there are no advisories to look in. Fetch them with `jettison db pull`, or name some with --db.\n',
            );
            if (flags.json || flags.format === 'json')
              printJson(io, scanDocument(await scan(inspection!, [], { rules, ignoreUnfixed: false })));
            return NOT_SCANNED;
          }
          const found = await scan(inspection!, sources, { rules, ignoreUnfixed: flags['ignore-unfixed'] });
          print(found, flags.json ? 'json' : (flags.format ?? 'table'), io);
          return fails(found, flags['fail-on']) ? 1 : 0;
        },
      ),
    );
  },
});

function print(found: Scan, format: (typeof FORMATS)[number], io: Io): void {
  switch (format) {
    case 'table':
      io.stdout.write(scanText(found, io));
      return;
    case 'json':
      printJson(io, scanDocument(found));
      return;
    case 'sarif':
      printJson(io, scanSarif(scanDocument(found)));
      return;
    case 'github':
      io.stdout.write(scanGithub(scanDocument(found)));
  }
}

function fails({ findings }: Scan, limit: Severity | undefined): boolean {
  if (limit === undefined) return false;
  return findings.some(({ advisory }) => SEVERITIES.indexOf(advisory.severity) <= SEVERITIES.indexOf(limit));
}

/** @throws JettisonError `IGNORE_INVALID` */
function textOf(file: string, io: Io): string {
  try {
    return readFileSync(resolve(io.cwd, file), 'utf8');
  } catch (cause) {
    throw new JettisonError('IGNORE_INVALID', `cannot read ${file}: ${(cause as Error).message}`, {
      hint: 'Name a file with a line an id: CVE-2023-45853 zlib: minizip is not used.',
      exitCode: 2,
      cause,
    });
  }
}
