import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { JettisonError } from '../errors/error.ts';
import type { OnProgress } from '../events/transfer.ts';
import type { Registries } from '../registry/registries.ts';
import type { DatabaseRecord } from '../store/databases.ts';
import type { Store } from '../store/store.ts';
import type { AdvisorySource, SourceInfo } from './advisory.ts';
import { DEFAULT_DATABASES, fetchDatabase, loadDatabase } from './fetch-database.ts';

export interface SourceOptions {
  store: Store;
  registries: Registries;
  env: NodeJS.ProcessEnv;
  /** Relative paths start here. */
  cwd: string;
  signal: AbortSignal;
  /** Take what the store has, and ask nobody. */
  offline: boolean;
  onProgress?: OnProgress;
  /** What somebody should know, and nothing stops for: that a database is old. */
  warn: (message: string) => void;
}

/** Opens a source of one form. @param text as given, without its prefix */
type Open = (text: string, options: SourceOptions) => Promise<AdvisorySource>;

/** Where advisories can be, by what `--db` is written like: one line a form; the first that accepts a text opens it. */
const FORMS: { form: string; accepts: (text: string, cwd: string) => boolean; open: Open }[] = [
  { form: 'npm', accepts: (text) => text === 'npm', open: openNpm },
  { form: 'osv', accepts: (text) => /^osv(=https?:|$)/.test(text), open: openOsv },
  { form: 'FILE', accepts: isFile, open: openFile },
  { form: 'REF', accepts: () => true, open: openReference },
];

/** For help texts. */
export const DATABASE_FORMS = FORMS.map(({ form }) => form);

/**
 * Opens the sources that `--db` or `JETTISON_DB` names; without either, trivy-db.
 *
 * @returns none where nothing is to be had: the image is not scanned then
 * @throws JettisonError `DATABASE_INVALID`, `DATABASE_MISSING`, `REGISTRY_…`
 */
export async function openSources(
  texts: readonly string[],
  options: SourceOptions,
): Promise<AdvisorySource[]> {
  const given =
    texts.length > 0 ? texts : (options.env['JETTISON_DB'] ?? '').split(',').filter((text) => text !== '');
  if (given.length === 0) {
    const found = await openDefault(options);
    return found === undefined ? [] : [found];
  }
  const opened: AdvisorySource[] = [];
  try {
    for (const text of given) {
      const { open } = FORMS.find(({ accepts }) => accepts(text, options.cwd))!;
      opened.push(await open(text, options));
    }
    return opened;
  } catch (error) {
    for (const one of opened) one.close();
    throw error;
  }
}

function isFile(text: string, cwd: string): boolean {
  const isThere = statSync(resolve(cwd, text), { throwIfNoEntry: false })?.isFile() ?? false;
  return isThere || /^\.{0,2}\/|\.(db|lines|tar|tgz|gz|zst)$/.test(text);
}

async function openNpm(text: string, options: SourceOptions): Promise<AdvisorySource> {
  needsNetwork(text, options);
  const [{ NpmAudit }, { NpmConfig }, { AdvisoryServer }] = await Promise.all([
    import('./sources/npm.ts'),
    import('./npm-config.ts'),
    import('./advisory-server.ts'),
  ]);
  return new NpmAudit(NpmConfig.load(options.cwd, options.env), new AdvisoryServer(options), options.warn);
}

/** @param text `osv`, or `osv=URL` of a server with the same API */
async function openOsv(text: string, options: SourceOptions): Promise<AdvisorySource> {
  needsNetwork(text, options);
  const [{ OSV_API, OsvApi }, { AdvisoryServer }] = await Promise.all([
    import('./sources/osv-api.ts'),
    import('./advisory-server.ts'),
  ]);
  const url = text.slice('osv='.length) || OSV_API;
  if (!URL.canParse(url)) {
    throw new JettisonError('DATABASE_MISSING', `invalid address "${url}"`, {
      hint: 'Write --db osv, or --db osv=https://osv.example.com/.',
      exitCode: 2,
    });
  }
  return new OsvApi(new URL(url.endsWith('/') ? url : `${url}/`), new AdvisoryServer(options));
}

/** @throws JettisonError `DATABASE_MISSING` */
function needsNetwork(text: string, { offline }: SourceOptions): void {
  if (!offline) return;
  throw new JettisonError('DATABASE_MISSING', `--db ${text} asks a server, and --offline forbids that`, {
    hint: 'Leave one of them out, or name a database in a file.',
    exitCode: 2,
  });
}

/** A database in a file; one in an archive is unpacked into the store, once. */
async function openFile(text: string, { store, cwd }: SourceOptions): Promise<AdvisorySource> {
  const path = resolve(cwd, text);
  const facts = statSync(path, { throwIfNoEntry: false });
  if (facts === undefined || !facts.isFile()) {
    throw new JettisonError('DATABASE_MISSING', `there is no file ${text}`, {
      hint: 'Name a database of advisories: a trivy.db, or what `jettison db save` wrote.',
      exitCode: 2,
    });
  }
  if (text.endsWith('.db')) return openDatabase({ format: 'trivy-db', reference: text, path });
  const stamp = `${facts.size} ${Math.round(facts.mtimeMs)}`;
  if (store.databases.use(path)?.stamp !== stamp) await loadDatabase(store, path, path, stamp);
  return openDatabase({ ...store.databases.use(path)!, reference: text });
}

async function openReference(text: string, options: SourceOptions): Promise<AdvisorySource> {
  const { store, offline, warn } = options;
  const known = store.databases.use(text);
  const isFresh = known?.nextUpdate !== undefined && Date.parse(known.nextUpdate) > Date.now();
  if (!offline && !isFresh) {
    try {
      await fetchDatabase(text, options);
    } catch (error) {
      if (known === undefined || !(error instanceof JettisonError)) throw error;
      warn(`newer advisories could not be fetched: ${error.message}`);
    }
  }
  const found = store.databases.use(text);
  if (found !== undefined) return openDatabase(found);
  throw new JettisonError('DATABASE_MISSING', `the store has no advisories of ${text}`, {
    hint: 'Fetch them where there is a network: jettison db pull. Carry them with jettison db save and db load.',
  });
}

/** trivy-db from wherever it can be had; undefined where it cannot. */
async function openDefault(options: SourceOptions): Promise<AdvisorySource | undefined> {
  const [loaded] = DEFAULT_DATABASES.filter(
    (reference) => options.store.databases.use(reference) !== undefined,
  );
  const failures: string[] = [];
  for (const reference of loaded === undefined ? DEFAULT_DATABASES : [loaded]) {
    try {
      return await openReference(reference, options);
    } catch (error) {
      if (!(error instanceof JettisonError)) throw error;
      failures.push(error.message);
    }
  }
  options.warn(failures.join('; '));
  return undefined;
}

async function openDatabase({
  format,
  reference,
  path,
  updated,
}: Pick<DatabaseRecord, 'format' | 'reference' | 'updated'> & { path: string }): Promise<AdvisorySource> {
  const { open } = await FORMATS[format]();
  return open(path, { location: reference, ...(updated !== undefined && { updated }) });
}

/** What reads a file of each format. */
const FORMATS: Record<DatabaseRecord['format'], () => Promise<{ open: OpenFormat }>> = {
  'trivy-db': async () => {
    const { TrivyDb } = await import('./sources/trivy-db.ts');
    return { open: (...args) => new TrivyDb(...args) };
  },
  advisories: async () => {
    const { OwnLines } = await import('./sources/own-lines.ts');
    return { open: (...args) => new OwnLines(...args) };
  },
};

type OpenFormat = (path: string, info: Pick<SourceInfo, 'location' | 'updated'>) => AdvisorySource;
