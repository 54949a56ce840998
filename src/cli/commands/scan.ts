import { SEVERITIES } from '../../advisories/advisory.ts';
import { DATABASE_FORMS } from '../../advisories/open-sources.ts';
import type { Inspection } from '../../inspect/inspection.ts';
import { compareScans } from '../../scan/compare-scans.ts';
import { scan } from '../../scan/scan-image.ts';
import { type ScanDocument, scanDocument } from '../../scan/scan-json.ts';
import { defineCommand, type Io } from '../command.ts';
import { FAIL_ON_HELP, FINDING_FLAGS, isAtLeast, readRules } from '../finding-flags.ts';
import { printJson } from '../print/list-output.ts';
import { scanCycloneDxVex } from '../print/scan/scan-cyclonedx-vex.ts';
import { scanGithub } from '../print/scan/scan-github.ts';
import { scanSarif } from '../print/scan/scan-sarif.ts';
import { comparisonText, scanText } from '../print/scan/scan-text.ts';
import { readVexFiles, vexStatements } from '../vex-documents.ts';
import { SOURCE_FLAGS, SOURCE_NOTE, withInspections } from '../with-inspections.ts';
import { withSources } from '../with-sources.ts';

const FORMATS = ['table', 'json', 'sarif', 'github', 'cyclonedx-vex'] as const;
/** Nothing could be asked: neither clean nor not. */
const NOT_SCANNED = 3;

export const command = defineCommand({
  usage: 'jettison scan [OPTIONS] IMAGE',
  about: `Looks for known vulnerabilities in everything that is in an image, and says what removes them: a newer base, a
package, a tool left out. Each is shown with the Dockerfile line that brought it.`,
  flags: {
    behind: { help: "Compare installed packages with the image's own package sources; no database" },
    compare: { value: 'IMAGE', help: 'Show what is new and what is fixed, compared with this image' },
    db: {
      ...{ value: DATABASE_FORMS.join('|'), many: true },
      help: 'Advisories to look in; several times for several. Default: trivy-db, or $JETTISON_DB',
    },
    'fail-on': {
      ...{ value: 'SEVERITY', values: SEVERITIES },
      help: FAIL_ON_HELP,
    },
    format: {
      value: 'FORMAT',
      values: FORMATS,
      help: 'table (the default), json, sarif, github: annotations, or cyclonedx-vex',
    },
    'ignore-unfixed': { help: 'Leave out findings that no version removes' },
    mirror: {
      ...{ value: 'PREFIX=URL', many: true },
      help: 'With --behind: fetch addresses that begin with PREFIX from URL instead',
    },
    offline: { help: 'Take the advisories that the store has, and ask nobody for newer ones' },
    ...FINDING_FLAGS,
    ...SOURCE_FLAGS,
    vex: {
      ...{ value: 'FILE|oci', many: true },
      help: 'OpenVEX statements: a file, or those attached to the image in its registry',
    },
  },
  notes: `${SOURCE_NOTE}

A database is fetched when the store has none or its publisher has a newer one; never twice in six hours.

With --compare, --fail-on, sarif and github count only new findings.

With --behind, the indexes of the image's own apt and apk sources are downloaded, and CVE ids are quoted from changelogs.

A line of an ignore file: CVE-2023-45853 zlib until 2026-12-31: minizip is not used. The package and the date may be left
out.

Exit codes: 0 scanned, 1 scanned, and --fail-on holds, 2 the command line is wrong, 3 not scanned: there are no advisories.`,
  examples: [
    'jettison scan app',
    'jettison scan --fail-on high registry://example.com/team/app:1',
    'jettison scan --format sarif app > scan.sarif',
    'jettison scan --behind app',
    'jettison scan --compare app:1 --vex openvex.json app:2',
  ],
  async run({ flags, args, io }) {
    const [image = ''] = args;
    const rules = readRules(flags.ignore, io);
    const vexSources = readVexFiles(flags.vex, io);
    const names = [image, ...(flags.compare === undefined ? [] : [flags.compare])];
    const insecure = flags['registry-insecure'];
    if (flags.behind || flags.mirror.length > 0) {
      const { checkBehindFlags, reportBehind } = await import('../behind-report.ts');
      checkBehindFlags(flags);
      const json = flags.json || flags.format === 'json';
      return withInspections(names, flags, io, ([inspection], store) =>
        reportBehind(inspection!, { store, mirrors: flags.mirror, json }, io),
      );
    }
    return withInspections(names, flags, io, ([inspection, other], store) =>
      withSources(store, { databases: flags.db, offline: flags.offline, insecure }, io, async (sources) => {
        const scanOf = async (one: Inspection, name: string) => {
          const vex = await vexStatements({ vex: vexSources, name, insecure }, one.image, io);
          return scan(one, sources, { rules, ignoreUnfixed: flags['ignore-unfixed'], vex });
        };
        const found = await scanOf(inspection!, image);
        const before = other === undefined ? undefined : await scanOf(other, flags.compare!);
        const comparison = before && compareScans(before, found);
        const format = flags.json ? 'json' : (flags.format ?? 'table');
        if (sources.length === 0) {
          if (format === 'table') io.stdout.write(scanText(found, io));
          if (format === 'json') printJson(io, scanDocument(found));
          io.stderr.write('Not scanned: fetch advisories with `jettison db pull`, or name some with --db.\n');
          return NOT_SCANNED;
        }
        if (format === 'table') {
          io.stdout.write(comparison ? comparisonText(found, comparison, io) : scanText(found, io));
        } else print(scanDocument(found, comparison && { scan: before!, comparison }), format, io);
        const counted = comparison?.added ?? found.findings;
        return counted.some(({ advisory }) => isAtLeast(advisory.severity, flags['fail-on'])) ? 1 : 0;
      }),
    );
  },
});

function print(document: ScanDocument, format: Exclude<(typeof FORMATS)[number], 'table'>, io: Io): void {
  switch (format) {
    case 'json':
      printJson(io, document);
      return;
    case 'cyclonedx-vex':
      printJson(io, scanCycloneDxVex(document));
      return;
    case 'sarif':
      printJson(io, scanSarif(newOnly(document)));
      return;
    case 'github':
      io.stdout.write(scanGithub(newOnly(document)));
  }
}

/** Of a comparison what is new; else everything. */
function newOnly(document: ScanDocument): ScanDocument {
  const { compared, findings } = document;
  return compared === undefined
    ? document
    : { ...document, findings: compared.new.map((position) => findings[position]!) };
}
