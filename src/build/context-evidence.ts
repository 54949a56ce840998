import { closeSync, fstatSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ContextFacts, Surplus } from '../advice/advice.ts';
import type { IgnoreText } from '../context/dockerfile.ts';
import { rulesOf } from '../context/ignore.ts';
import { openFileWithin } from '../layer/host-file.ts';

/** Manifests are small; what is larger is not read. */
const LARGEST_FILE = 4 << 20;
/** Entries that are counted in one folder. */
const MOST_ENTRIES = 50_000;

/** Names at the root of a context that an image seldom needs. */
const SURPLUS =
  /^(\.git|node_modules|\.next|\.nuxt|\.venv|venv|__pycache__|\.pytest_cache|\.mypy_cache|coverage|\.nyc_output|\.idea|\.vscode|\.terraform|.*\.log|\.DS_Store|.*\.(tar|tgz|zip|tar\.gz|iso|dump|sqlite))$/;
const SECRET =
  /^(\.env(\.(local|production|development))?|\.netrc|id_(rsa|ed25519|ecdsa)|\.aws|\.ssh|.*\.(pem|p12|pfx))$/;
const PUBLIC = /(ca|cert|chain|public|pub)[^/]*\.pem$/i;

/** Looks at a context directory as far as rules ask: nothing is read before. */
export function contextEvidence(directory: string, { ignoreText, ignoreName }: IgnoreText): ContextFacts {
  const ignore = rulesOf(ignoreText, ignoreName);
  const seen = (path: string) =>
    !ignore.excludes(path) && lstatSync(join(directory, path), { throwIfNoEntry: false }) !== undefined;
  const texts = new Map<string, string | undefined>();
  let surplus: readonly Surplus[] | undefined;
  return {
    ignoreName,
    ignoreText,
    has: seen,
    file(path) {
      if (!texts.has(path)) texts.set(path, seen(path) ? smallFile(directory, path) : undefined);
      return texts.get(path);
    },
    get surplus() {
      surplus ??= surplusOf(directory, (path) => ignore.excludes(path));
      return surplus;
    },
  };
}

function smallFile(directory: string, path: string): string | undefined {
  let fd: number | undefined;
  try {
    fd = openFileWithin(directory, path);
    if (fstatSync(fd).size > LARGEST_FILE) return undefined;
    // It may have grown since.
    const text = readFileSync(fd, 'utf8');
    return text.length > LARGEST_FILE ? undefined : text;
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function surplusOf(directory: string, excludes: (path: string) => boolean): Surplus[] {
  const found: Surplus[] = [];
  for (const name of namesIn(directory)) {
    const isSecret = SECRET.test(name) && !PUBLIC.test(name);
    if (!isSecret && !SURPLUS.test(name)) continue;
    const amount = { bytes: 0, files: 0, entries: 0 };
    measure(directory, name, excludes, amount);
    const { bytes, files, entries } = amount;
    if (files > 0) found.push({ path: name, bytes, files, isSecret, isPartial: entries >= MOST_ENTRIES });
  }
  return found.sort((a, b) => Number(b.isSecret) - Number(a.isSecret) || b.bytes - a.bytes);
}

/** Adds up the files below a path that the build sees. */
function measure(
  directory: string,
  path: string,
  excludes: (path: string) => boolean,
  amount: { bytes: number; files: number; entries: number },
): void {
  if (amount.entries++ >= MOST_ENTRIES) return;
  const stat = lstatSync(join(directory, path), { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (stat.isDirectory()) {
    for (const name of namesIn(join(directory, path)))
      measure(directory, `${path}/${name}`, excludes, amount);
  } else if (!excludes(path)) {
    amount.files++;
    if (stat.isFile()) amount.bytes += stat.size;
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}
