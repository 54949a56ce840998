import { posix } from 'node:path';
import { startFile } from './edited-text.ts';
import type { OptimiseEvidence } from './rewrite.ts';

/** Names in a working directory that programs hardly read when they run. */
const BUILD_ONLY =
  /^(\..*|tests?|__tests__|spec|docs?|coverage|Dockerfile.*|Makefile|.*\.md|tsconfig.*\.json|.*\.config\.([cm]?[jt]s|json)|.*\.tsbuildinfo|LICENSE.*|docker-compose.*|compose\.ya?ml)$/i;
const LOCAL = /(?:\bfrom|\bimport|\brequire\s*\(|\bimport\s*\()\s*\(?\s*['"](\.{1,2}\/[^'"\n]+)['"]/g;
const ENDINGS = ['', '.js', '.mjs', '.cjs', '.json', '/index.js'];
/** Modules that are followed. */
const MOST_MODULES = 2000;

/**
 * Which names of the working directory the program needs: only what its start file leads to, and then everything but
 * what looks like part of the build.
 *
 * @returns one or two lists; none where the start file is unknown or not among the names
 */
export function runtimeNames(evidence: OptimiseEvidence): string[][] {
  const names = evidence.workEntries.map(({ name }) => name);
  const start = startFile(evidence);
  if (start === undefined || start.startsWith('..') || posix.isAbsolute(start)) return [];
  const [first = ''] = start.split('/');
  if (!names.includes(first)) return [];
  const needed = new Set([first, 'package.json', 'node_modules']);
  for (const path of modulesOf(start, evidence)) needed.add(path.split('/')[0]!);
  const lean = names.filter((name) => needed.has(name));
  const isCompiled = first !== 'src' && !evidence.context.has(first);
  const careful = names.filter(
    (name) => needed.has(name) || !(BUILD_ONLY.test(name) || (isCompiled && name === 'src')),
  );
  return careful.length > lean.length ? [lean, careful] : [lean];
}

/** The files of the context that a module leads to by relative imports. */
function modulesOf(start: string, { context }: OptimiseEvidence): Set<string> {
  const found = new Set<string>();
  const open = [start];
  while (open.length > 0 && found.size < MOST_MODULES) {
    const asked = open.pop()!;
    const path = ENDINGS.map((ending) => `${asked}${ending}`).find((one) => context.file(one) !== undefined);
    if (path === undefined || found.has(path)) continue;
    found.add(path);
    for (const [, specifier] of context.file(path)!.matchAll(LOCAL)) {
      const next = posix.join(posix.dirname(path), specifier!);
      if (!next.startsWith('..')) open.push(next);
    }
  }
  return found;
}
