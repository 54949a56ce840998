import { defineImageAdvice } from '../advice.ts';

const SEVERITIES = { critical: 'error', high: 'error', medium: 'warning', low: 'info' } as const;

const HINT =
  'Replace the secret, and give it by RUN --mount=type=secret or at run time. `jettison secrets` lists all places.';

export const imageSecrets = defineImageAdvice({
  id: 'ImageSecrets',
  description: 'No layer of the image and no setting of it has a password, a token or a private key.',
  severity: 'error',
  confidence: 'likely',
  aliases: [],
  on: 'file',
  check(_, report, { image }) {
    for (const finding of image.secrets) {
      const { where, name, line, masked, title, severity, addedBy, hiddenBy, isBase, instruction } = finding;
      if (isBase) continue;
      const [first] = addedBy;
      const { stage, location } = first === undefined ? image.from : image.place(first.layer);
      const setting = first === undefined ? instruction?.location : undefined;
      const what =
        where === 'file' ? `/${name}${line === undefined ? '' : `:${line}`}` : `${where} ${name}`.trim();
      const hidden = hiddenBy === undefined ? '' : ', which a later layer hides: it is still pulled';
      report({
        message: `${title} (${masked}) in ${what}${hidden}`,
        hint: HINT,
        severity: SEVERITIES[severity],
        location: setting === undefined ? location : { ...location, line: setting.line, column: 1 },
        stage,
      });
    }
  },
});
