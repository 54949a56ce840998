import { lstatSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Context } from '../context/context.ts';
import type { ContextSource } from '../context/context-source.ts';
import type { ArgInstruction, CopyInstruction, Dockerfile, StageText, Word } from '../dockerfile/ast.ts';
import { expand } from '../dockerfile/expand.ts';
import { isHttpUrl, parseGitUrl } from '../dockerfile/git-url.ts';
import { EXIT, JettisonError } from '../errors/error.ts';
import { isDigest } from '../image/digest.ts';
import type { Remotes } from '../remote/remotes.ts';
import { newestBelow, newestIn } from '../solve/newest-file.ts';
import { SOURCE_DATE_EPOCH } from './time.ts';

/** Arguments before the first FROM. */
type Globals = ReadonlyMap<string, string | undefined>;

/** The sources whose time SOURCE_DATE_EPOCH can name. */
export interface DatedSources {
  main: ContextSource;
  /** The main context, opened. */
  context: Context;
  named: ReadonlyMap<string, ContextSource>;
  remotes: () => Promise<Remotes>;
}

const SECONDS = /^\d{1,12}$/;

/**
 * The time of `SOURCE_DATE_EPOCH`: the user's value, else the default of an ARG before the first FROM. `context`, the
 * name of a build context, or of a stage that only fetches one source, mean the time of that source: of the git commit,
 * of `Last-Modified`, or of the newest file in an archive.
 *
 * @param given the user's value
 * @returns seconds since 1970; undefined without a value, and for sources without a time
 * @throws JettisonError `SOURCE_DATE_EPOCH_INVALID`, `SOURCE_DATE_EPOCH_STAGE`
 */
export async function sourceDate(
  dockerfile: Dockerfile,
  given: string | undefined,
  scope: { globals: Globals; buildArgs: Record<string, string> },
  sources: DatedSources,
): Promise<number | undefined> {
  const text = given ?? scope.globals.get(SOURCE_DATE_EPOCH) ?? '';
  if (text === '') return undefined;
  if (SECONDS.test(text)) return Number(text);
  const source = sourceNamed(dockerfile, text, scope, sources);
  if (source !== undefined) return timeOf(source, text === 'context' ? sources.context : undefined, sources);
  throw invalid(dockerfile, text, given);
}

/**
 * Checks the value of `SOURCE_DATE_EPOCH` without reading any source.
 *
 * @param contexts build contexts by name; absent: they are unknown, and any name of one is accepted
 * @throws JettisonError as `sourceDate`
 */
export function checkSourceDate(
  dockerfile: Dockerfile,
  scope: { globals: Globals; buildArgs: Record<string, string> },
  contexts?: ReadonlyMap<string, unknown>,
): void {
  const given = scope.buildArgs[SOURCE_DATE_EPOCH];
  const text = given ?? scope.globals.get(SOURCE_DATE_EPOCH) ?? '';
  if (text === '' || text === 'context' || SECONDS.test(text)) return;
  if (contexts?.has(text.toLowerCase())) return;
  const stage = stageNamed(dockerfile, text);
  if (stage !== undefined) fetchedBy(stage, scope, dockerfile.directives.escape);
  else if (contexts !== undefined || !/^[a-z]/i.test(text)) throw invalid(dockerfile, text, given);
}

function invalid(dockerfile: Dockerfile, text: string, given: string | undefined): JettisonError {
  const argument = given === undefined ? lastDefault(dockerfile) : undefined;
  return new JettisonError('SOURCE_DATE_EPOCH_INVALID', `invalid ${SOURCE_DATE_EPOCH} "${text}"`, {
    ...(argument === undefined ? {} : { location: argument.location, source: argument.source }),
    // Given on the command line or by the environment.
    ...(given === undefined ? {} : { exitCode: EXIT.usage }),
    hint: 'It is a number of seconds since 1970, "context", or the name of a build context or of a stage that only fetches.',
  });
}

function stageNamed(dockerfile: Dockerfile, text: string): StageText | undefined {
  return dockerfile.stages.find(({ name }) => name === text.toLowerCase());
}

function sourceNamed(
  dockerfile: Dockerfile,
  text: string,
  scope: { globals: Globals; buildArgs: Record<string, string> },
  { main, named }: DatedSources,
): DatedSource | undefined {
  if (text === 'context') return main;
  const context = named.get(text.toLowerCase());
  if (context !== undefined) return context;
  const stage = stageNamed(dockerfile, text);
  return stage && fetchedBy(stage, scope, dockerfile.directives.escape);
}

type DatedSource = ContextSource | { kind: 'http'; url: string; checksum: string };

/** The only source that a stage fetches. @throws JettisonError `SOURCE_DATE_EPOCH_STAGE` for other stages */
function fetchedBy(
  stage: StageText,
  { globals, buildArgs }: { globals: Globals; buildArgs: Record<string, string> },
  escapeCharacter: '\\' | '`',
): DatedSource {
  const scope = new Map(globals);
  scope.delete(SOURCE_DATE_EPOCH);
  const text = ({ text: written, location }: Word) =>
    expand(written, (name) => scope.get(name), { escape: escapeCharacter, location }).text;
  if (text(stage.from.image) !== 'scratch') throw notSourceOnly(stage, 'it is not FROM scratch');
  let found: DatedSource | undefined;
  for (const instruction of stage.instructions) {
    if (instruction.kind === 'ARG') {
      for (const { name, value } of instruction.args) {
        const given = buildArgs[name.text];
        if (given !== undefined || value !== undefined) scope.set(name.text, given ?? text(value!));
      }
    } else if (instruction.kind !== 'ADD') {
      throw notSourceOnly(stage, `it has ${instruction.kind}`);
    } else {
      if (found !== undefined) throw notSourceOnly(stage, 'it has more than one ADD');
      found = fetchedByAdd(stage, instruction, text);
    }
  }
  if (found === undefined) throw notSourceOnly(stage, 'it has no ADD');
  return found;
}

function fetchedByAdd(stage: StageText, add: CopyInstruction, text: (word: Word) => string): DatedSource {
  const [first] = add.sources;
  if (add.sources.length !== 1 || add.heredocs.length > 0)
    throw notSourceOnly(stage, 'its ADD has more than one source');
  const url = text(first!);
  const checksum = add.checksum && text(add.checksum);
  const git = parseGitUrl(url);
  if (git !== undefined)
    return { kind: 'git', source: { ...git, ...(checksum === undefined ? {} : { checksum }) } };
  if (!isHttpUrl(url)) throw notSourceOnly(stage, 'its ADD fetches nothing');
  return { kind: 'http', url, ...(checksum === undefined ? {} : { checksum }) };
}

function notSourceOnly({ name, from }: StageText, reason: string): JettisonError {
  return new JettisonError(
    'SOURCE_DATE_EPOCH_STAGE',
    `stage "${name}" has no time for ${SOURCE_DATE_EPOCH}: ${reason}`,
    {
      location: from.location,
      source: from.source,
      hint: 'Such a stage is FROM scratch, with ARGs and a single ADD of one URL or git repository.',
    },
  );
}

async function timeOf(
  source: DatedSource,
  context: Context | undefined,
  { remotes }: DatedSources,
): Promise<number | undefined> {
  switch (source.kind) {
    case 'directory':
      return undefined;
    case 'git': {
      // All files of a checkout have the time of the commit by default.
      const { mtime: _ofTheMoment, ...dated } = source.source;
      return Math.floor(lstatSync((await (await remotes()).checkOut(dated)).directory).mtimeMs / 1000);
    }
    case 'http': {
      const expected = 'checksum' in source && isDigest(source.checksum) ? source.checksum : undefined;
      const { path, mtime } = await (await remotes()).download(source.url, expected);
      return mtime > 0 ? mtime : newestIn(path);
    }
    case 'archive':
      return newestIn(resolve(source.path));
    case 'stdin':
      return context && newestBelow(context, '');
  }
}

/** The ARG before the first FROM with the default. */
function lastDefault({ globals }: Dockerfile): ArgInstruction | undefined {
  return globals.findLast(({ args }) =>
    args.some(({ name, value }) => name.text === SOURCE_DATE_EPOCH && value !== undefined),
  );
}
