import { readFileSync } from 'node:fs';
import type { TomlTable } from 'smol-toml';
import { JettisonError } from '../errors/error.ts';

/** The error for an invalid registry configuration file. @param line from 1 */
export function invalidConfig(path: string, reason: string, line?: number, cause?: unknown): JettisonError {
  const at = line === undefined ? path : `${path}:${line}`;
  return new JettisonError('REGISTRY_CONFIG_INVALID', `${at}: ${reason}`, {
    hint: 'Correct the file; docs/registries.md lists the files and their settings.',
    ...(cause === undefined ? {} : { cause }),
  });
}

/**
 * A file's text; undefined when it does not exist.
 *
 * @throws JettisonError `REGISTRY_CONFIG_INVALID` when it cannot be read
 */
function readConfig(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    // In another user's folder: it does not apply to this user.
    if (code === 'EACCES') return undefined;
    throw invalidConfig(path, `it cannot be read: ${message}`, undefined, error);
  }
}

/** @throws JettisonError `REGISTRY_CONFIG_INVALID` */
export async function readToml(path: string): Promise<{ table: TomlTable; text: string } | undefined> {
  const text = readConfig(path);
  if (text === undefined) return undefined;
  const { parse, TomlError } = await import('smol-toml');
  try {
    return { table: parse(text), text };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const reason = error.message.split('\n')[0]!.replace(/^Invalid TOML document: /, '');
    throw invalidConfig(path, `invalid TOML: ${reason}`, error.line, error);
  }
}

/** @throws JettisonError `REGISTRY_CONFIG_INVALID` */
export function readJsonConfig(path: string): { value: Record<string, unknown>; text: string } | undefined {
  const text = readConfig(path);
  // Docker ignores an empty file.
  if (text === undefined || text.trim() === '') return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalidConfig(path, 'invalid JSON', text.slice(0, jsonFault(text)).split('\n').length, error);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidConfig(path, 'it must be a JSON object', 1);
  }
  return { value: value as Record<string, unknown>, text };
}

/** Offset of the first JSON syntax error. Versions of Node report it in several ways, or not at all. */
function jsonFault(text: string): number {
  let low = 0;
  let high = text.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (mayContinue(text.slice(0, middle + 1))) low = middle + 1;
    else high = middle;
  }
  return low;
}

function mayContinue(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    return /end of JSON|Unterminated/.test((error as Error).message);
  }
}

/** The line (from 1) of the nth occurrence (from 0) of a text outside comments; 1 if it does not occur. */
export function lineOf(text: string, what: string, number = 0): number {
  let left = number;
  for (const [i, line] of text.split('\n').entries()) {
    if (!line.replace(/^\s*#.*/, '').includes(what)) continue;
    if (left-- === 0) return i + 1;
  }
  return 1;
}
