import { findSecrets } from '../../leaks/find-secrets.ts';
import { SecretsCompanion } from '../../leaks/layer-secrets.ts';
import { secretsDocument } from '../../leaks/secrets-json.ts';
import { SECRET_SEVERITIES } from '../../secrets/secret-kind.ts';
import { defineCommand } from '../command.ts';
import { FAIL_ON_HELP, FINDING_FLAGS, isAtLeast, readRules } from '../finding-flags.ts';
import { printJson } from '../print/list-output.ts';
import { secretsGithub } from '../print/secrets/secrets-github.ts';
import { secretsSarif } from '../print/secrets/secrets-sarif.ts';
import { secretsText } from '../print/secrets/secrets-text.ts';
import { SOURCE_FLAGS, SOURCE_NOTE, withInspections } from '../with-inspections.ts';

const FORMATS = ['table', 'json', 'sarif', 'github'] as const;
/** Files were searched in part: neither clean nor not. */
const NOT_SEARCHED = 3;

export const command = defineCommand({
  usage: 'jettison secrets [OPTIONS] IMAGE',
  about: `Looks for passwords, tokens and private keys in an image: in every layer, whatever later layers delete, in variables,
labels, commands and the history. Each is shown with the Dockerfile line that added it; no value is shown or kept.`,
  flags: {
    'fail-on': {
      ...{ value: 'SEVERITY', values: SECRET_SEVERITIES },
      help: FAIL_ON_HELP,
    },
    format: {
      value: 'FORMAT',
      values: FORMATS,
      help: 'table (the default), json, sarif, or github: annotations',
    },
    ...FINDING_FLAGS,
    ...SOURCE_FLAGS,
  },
  notes: `${SOURCE_NOTE}

A line of an ignore file: private-key app/test/*.pem until 2026-12-31: for tests. The path and the date may be left out.

Exit codes: 0 searched, 1 searched, and --fail-on holds, 2 the command line is wrong, 3 some files were searched in part.`,
  examples: [
    'jettison secrets app',
    'jettison secrets --fail-on high registry://example.com/team/app:1',
    'jettison secrets --format sarif app > secrets.sarif',
  ],
  async run({ flags, args, io }) {
    const [image = ''] = args;
    const rules = readRules(flags.ignore, io);
    const secrets = new SecretsCompanion();
    return withInspections(
      [image],
      flags,
      io,
      ([inspection]) => {
        const report = findSecrets(inspection!, secrets, rules);
        const format = flags.json ? 'json' : (flags.format ?? 'table');
        if (format === 'table') io.stdout.write(secretsText(report, io));
        if (format === 'json') printJson(io, secretsDocument(report));
        if (format === 'sarif') printJson(io, secretsSarif(secretsDocument(report)));
        if (format === 'github') io.stdout.write(secretsGithub(secretsDocument(report)));
        if (report.findings.some(({ severity }) => isAtLeast(severity, flags['fail-on']))) return 1;
        return report.partial.length > 0 ? NOT_SEARCHED : 0;
      },
      secrets,
    );
  },
});
