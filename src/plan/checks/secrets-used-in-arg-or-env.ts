import { secretKind } from '../../dockerfile/secret-values.ts';
import { namesSecret } from '../../secrets/secret-names.ts';
import { definePlanCheck } from './define-plan-check.ts';

/** The value is never shown. */
export const secretsUsedInArgOrEnv = definePlanCheck({
  id: 'SecretsUsedInArgOrEnv',
  description: 'ARG and ENV contain no secrets: both stay in the image.',
  on: 'variable',
  check({ instruction, name, value = '', location }, report) {
    const hint = 'Use RUN --mount=type=secret.';
    if (namesSecret(name)) {
      const message = `${name} looks like a secret, and ${instruction} leaves its value in the image`;
      report({ message, location, hint });
      return;
    }
    const kind = secretKind(value);
    if (kind === undefined) return;
    const message = `The value of ${name} looks like ${kind}, and ${instruction} leaves it in the image`;
    report({ message, location, hint });
  },
});
