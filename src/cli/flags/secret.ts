import { usageError } from '../../errors/error.ts';

/** The source of a secret: a file as typed, or an environment variable. */
export type SecretSource = { file: string } | { env: string };

const FORM = 'Write --secret id=NAME,src=FILE or --secret id=NAME,env=VARIABLE.';
const NAMES: Record<string, 'id' | 'src' | 'env' | 'type'> = {
  id: 'id',
  src: 'src',
  source: 'src',
  env: 'env',
  type: 'type',
};

/**
 * Parses the value of `--secret` as Docker does: `id=X,src=FILE`, `id=X,env=NAME`, `type=env,id=X,src=NAME`,
 * or `id=X` alone, which is the variable X if it is set, else the file X.
 */
export function parseSecret(text: string, env: NodeJS.ProcessEnv): { id: string; source: SecretSource } {
  const fields: { id?: string; src?: string; env?: string; type?: string } = {};
  for (const field of text.split(',')) {
    const equals = field.indexOf('=');
    const name = NAMES[field.slice(0, Math.max(0, equals)).trim().toLowerCase()];
    if (name === undefined) throw usageError(`unknown field "${field}" of --secret`, FORM);
    fields[name] = field.slice(equals + 1);
  }
  const { id, src, type } = fields;
  if (!id) throw usageError(`the secret "${text}" has no id`, FORM);
  if (type !== undefined && type !== 'file' && type !== 'env') {
    throw usageError(`unknown secret type "${type}"`, 'The types are file and env.');
  }
  if (fields.env !== undefined) return { id, source: { env: fields.env } };
  if (type === 'env') return { id, source: { env: src ?? id } };
  if (src !== undefined) return { id, source: { file: src } };
  return { id, source: type === undefined && env[id] !== undefined ? { env: id } : { file: id } };
}
