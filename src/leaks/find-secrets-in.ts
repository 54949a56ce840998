import type { Inspection } from '../inspect/inspection.ts';
import { type LookOptions, look } from '../inspect/library.ts';
import { readIgnoreFile } from '../scan/ignore-rules.ts';
import { findSecrets } from './find-secrets.ts';
import { SecretsCompanion } from './layer-secrets.ts';
import { type SecretsDocument, secretsDocument } from './secrets-json.ts';

export interface SecretsOptions extends LookOptions {
  /** Lines of an ignore file: `private-key app/test/*.pem until 2026-12-31: for tests`. */
  ignore?: string;
}

/**
 * Passwords, tokens and private keys in an image: in all its layers, whatever later ones delete, in its config and its
 * history. No value is returned or kept: see `SecretsDocument`.
 *
 * @param image as for `describeImage`
 * @throws JettisonError as `describeImage`, and `IGNORE_INVALID`
 */
export async function findSecretsIn(image: string, options: SecretsOptions = {}): Promise<SecretsDocument> {
  const rules = readIgnoreFile(options.ignore ?? '', 'options.ignore');
  const secrets = new SecretsCompanion();
  const use = ([inspection]: Inspection[]) => secretsDocument(findSecrets(inspection!, secrets, rules));
  return look([image], options, use, secrets);
}
