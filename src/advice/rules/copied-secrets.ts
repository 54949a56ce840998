import { defineAdvice } from '../advice.ts';
import { shipsPath } from '../stage-facts.ts';

const SECRET_FILES =
  /(^|\/)(\.env(\.(local|production))?|\.netrc|\.pgpass|id_(rsa|dsa|ecdsa|ed25519)|\.aws|\.ssh|\.git-credentials|credentials\.json|.*\.(pem|p12|pfx|key))\/?$/;
const PUBLIC = /(ca|cert|chain|public|pub)[^/]*\.(pem|key)$/i;

export const copiedSecrets = defineAdvice({
  id: 'CopiedSecrets',
  description: 'Files with secrets are not copied into an image.',
  severity: 'error',
  confidence: 'likely',
  aliases: [],
  on: 'stage',
  check(stage, report, { stages, context }) {
    for (const { isContext, sources, destination, instruction } of stage.copies) {
      if (!isContext || !shipsPath(stages, stage, destination)) continue;
      const secret = sources.find((source) => isSecret(source, context?.file('.npmrc')));
      if (secret === undefined) continue;
      report({
        message: `"${secret}" is in a layer of the image, readable by all who can pull it`,
        hint: 'Use RUN --mount=type=secret in a build, and an environment or a volume at run time.',
        location: instruction.location,
        stage,
      });
    }
  },
});

function isSecret(source: string, npmrc: string | undefined): boolean {
  if (/(^|\/)\.npmrc$/.test(source))
    return npmrc !== undefined && /_(authToken|auth|password)\s*=\s*(?!\$\{)\S/.test(npmrc);
  return SECRET_FILES.test(source) && !PUBLIC.test(source);
}
