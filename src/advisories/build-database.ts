import { closeSync, openSync, readdirSync, readFileSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { JettisonError } from '../errors/error.ts';
import { FileAccess } from '../inspect/random-access.ts';
import { readZipMember, zipMembers } from '../inspect/zip.ts';
import { intervalsOf } from '../versions/constraint.ts';
import type { Advisory } from './advisory.ts';
import { SCOPES_KEY } from './database-key.ts';
import { Exploitation } from './exploitation.ts';
import { readNodeCore, readOsv } from './osv.ts';

/** A table of EPSS. */
const CSV = /\.csv(\.gz)?$/;

/** What went into a database. */
export interface BuiltDatabase {
  records: number;
  packages: number;
  scopes: string[];
  /** The newest date of a record, RFC 3339. */
  updated?: string;
}

/**
 * Writes the advisories of OSV records, and of Node's own index of vulnerabilities, as sorted lines that `OwnLines`
 * reads. CISA's catalogue of exploited flaws and a table of EPSS are added to the flaws that they name. Same records, same
 * bytes.
 *
 * @param paths folders and zips with a JSON file a record, and single files of JSON or, of EPSS, CSV
 * @throws JettisonError `ADVISORIES_INVALID`
 */
export function buildDatabase(paths: readonly string[], output: string): BuiltDatabase {
  const lines = new Map<string, Map<string, Advisory>>();
  const scopes = new Set<string>();
  let records = 0;
  let updated: string | undefined;
  const take = ({ scope, key, advisory }: ReturnType<typeof readOsv>[number]) => {
    scopes.add(scope);
    const line = lines.get(key) ?? new Map<string, Advisory>();
    // A record may have a range of versions a branch, and two records the same id: each is an advisory of its own.
    lines.set(
      key,
      line.set(`${advisory.id} ${JSON.stringify([advisory.vulnerable, advisory.safe])}`, advisory),
    );
  };
  const exploitation = new Exploitation();
  for (const { name, text } of documents(paths)) {
    if (CSV.test(name)) {
      if (!exploitation.readProbabilities(text)) throw notProbabilities(name);
      continue;
    }
    for (const { key, value } of recordsIn(text, name)) {
      const found = readOsv(value);
      if (found.length === 0 && exploitation.readCatalogue(value)) continue;
      const core =
        found.length > 0 ? undefined : readNodeCore(key, value, (range) => intervalsOf(range, 'npm'));
      for (const one of core === undefined ? found : [core]) take(one);
      if (found.length > 0 || core !== undefined) records++;
      const { modified } = (value ?? {}) as { modified?: unknown };
      if (typeof modified === 'string' && modified > (updated ?? '')) updated = modified;
    }
  }
  if (records === 0) {
    throw new JettisonError('ADVISORIES_INVALID', `there are no advisories in ${paths.join(', ')}`, {
      hint: 'Name folders or zips of OSV records, as osv.dev publishes them for each ecosystem.',
      exitCode: 2,
    });
  }
  const file = openSync(output, 'wx', 0o600);
  try {
    writeSync(file, `${SCOPES_KEY}\t${JSON.stringify([...scopes].sort())}\n`);
    const keys = [...lines.keys()].map((key) => Buffer.from(key)).sort(Buffer.compare);
    for (const key of keys) {
      const advisories = [...lines.get(key.toString())!]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([, one]) => ({ ...one, ...exploitation.of(one) }));
      writeSync(file, `${key}\t${JSON.stringify(advisories)}\n`);
    }
  } finally {
    closeSync(file);
  }
  const facts = { records, packages: lines.size, scopes: [...scopes].sort() };
  return updated === undefined || Number.isNaN(Date.parse(updated))
    ? facts
    : { ...facts, updated: new Date(updated).toISOString() };
}

function* documents(paths: readonly string[]): Generator<{ name: string; text: string }> {
  for (const path of paths) {
    const facts = statSync(path, { throwIfNoEntry: false });
    if (facts === undefined) {
      throw new JettisonError('ADVISORIES_INVALID', `there is no ${path}`, {
        hint: 'Name folders, zips or JSON files of advisories.',
        exitCode: 2,
      });
    }
    if (facts.isDirectory()) {
      for (const name of readdirSync(path, { recursive: true, encoding: 'utf8' }).sort()) {
        const file = join(path, name);
        if ((name.endsWith('.json') || CSV.test(name)) && statSync(file).isFile()) yield documentOf(file);
      }
    } else if (path.endsWith('.zip')) yield* inZip(path);
    else yield documentOf(path);
  }
}

function documentOf(path: string): { name: string; text: string } {
  const content = readFileSync(path);
  try {
    return { name: path, text: (path.endsWith('.gz') ? gunzipSync(content) : content).toString('utf8') };
  } catch (cause) {
    throw new JettisonError('ADVISORIES_INVALID', `${path} cannot be unpacked: ${(cause as Error).message}`, {
      hint: 'Fetch it again.',
      exitCode: 2,
      cause,
    });
  }
}

function notProbabilities(name: string): JettisonError {
  return new JettisonError(
    'ADVISORIES_INVALID',
    `${name} is not a table of EPSS: it lacks the columns cve and epss`,
    {
      hint: 'Name the CSV file that first.org publishes, packed or not.',
      exitCode: 2,
    },
  );
}

function* inZip(path: string): Generator<{ name: string; text: string }> {
  const file = new FileAccess(path);
  try {
    const members = zipMembers(file);
    if (members === undefined) {
      throw new JettisonError('ADVISORIES_INVALID', `${path} is no zip that can be read here`, {
        hint: 'One of more than 65,535 files, or damaged? Unpack it, and name the folder.',
        exitCode: 2,
      });
    }
    for (const member of members) {
      if (!member.name.endsWith('.json')) continue;
      const content = readZipMember(file, member);
      if (content !== undefined) yield { name: `${path}: ${member.name}`, text: content.toString('utf8') };
    }
  } finally {
    file.close();
  }
}

/** A record, a list of them, or an object whose values are records, as Node's index. */
function recordsIn(text: string, name: string): { key: string; value: unknown }[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new JettisonError('ADVISORIES_INVALID', `${name} is not JSON: ${(cause as Error).message}`, {
      hint: 'Remove or mend it.',
      exitCode: 2,
      cause,
    });
  }
  const isRecord =
    typeof value === 'object' && value !== null && ('id' in value || 'catalogVersion' in value);
  const records = isRecord ? { [name]: value } : (value ?? {});
  return Object.entries(records).map(([key, record]) => ({ key, value: record }));
}
