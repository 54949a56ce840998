import type { CopyInstruction, Word } from '../dockerfile/ast.ts';
import { switchValue } from '../dockerfile/flags.ts';
import { isHttpUrl, parseGitUrl } from '../dockerfile/git-url.ts';
import { JettisonError } from '../errors/error.ts';
import { withoutCredentials } from '../errors/safe-text.ts';
import { isDigest } from '../image/digest.ts';
import type { CopyFrom, CopyStep, RemoteSource } from './plan.ts';
import type { StageState } from './stage-state.ts';

/** Plans COPY and ADD: everything expanded, the destination absolute. */
export function addCopyStep(
  state: StageState,
  instruction: CopyInstruction,
  title: string,
  from: CopyFrom,
  ignoredBy: (path: string) => string | undefined = () => undefined,
): void {
  const written = instruction.sources.map((word) => state.text(word));
  const heredocs = instruction.heredocs.map((heredoc) => ({
    name: heredoc.name,
    data: state.document(heredoc),
  }));
  const destination = state.text(instruction.destination);
  const flag = (word: Word | undefined) => (word === undefined ? undefined : state.text(word));
  const chown = flag(instruction.chown);
  const chmod = flag(instruction.chmod);
  // Docker expands variables in the other flags, but not in this one.
  const exclude = instruction.exclude.map(({ text }) => text);
  const { sources, remotes } = splitSources(instruction, written, {
    checksum: flag(instruction.checksum),
  });
  if (from.kind === 'context') checkContextSources(state, instruction, written, ignoredBy);

  const step: CopyStep = {
    kind: 'copy',
    id: state.nextStepId(),
    title,
    location: instruction.location,
    source: instruction.source,
    add: instruction.kind === 'ADD',
    from,
    sources,
    remotes,
    heredocs,
    // An empty destination is the working directory, not a file of its name.
    destination: absoluteDestination(state.cwd, destination || './'),
    ...(chown ? { chown } : {}),
    ...(chmod ? { chmod } : {}),
    exclude,
    parents: switchValue(instruction.parents) ?? false,
    link: switchValue(instruction.link) ?? false,
    unpack: instruction.kind === 'ADD' && (switchValue(instruction.unpack) ?? true),
  };
  state.steps.push(step);
  const flags = [
    ...(chown ? [`--chown=${chown}`] : []),
    ...(chmod ? [`--chmod=${chmod}`] : []),
    ...(step.parents ? ['--parents'] : []),
  ];
  // Docker writes the password of a URL into the history; we do not.
  const names = [...written.map(withoutCredentials), ...heredocs.map(({ name }) => `<<${name}`)];
  const createdBy = `${[instruction.kind, ...flags, ...names, destination].join(' ')} # buildkit`;
  state.note(createdBy, instruction, step.id);
}

/** Plans the first layer of a stage whose base is a build context: its files. */
export function addBaseFiles(state: StageState, name: string): void {
  const { location, source } = state.stage;
  const step: CopyStep = {
    kind: 'copy',
    id: state.nextStepId(),
    title: `FROM ${name}`,
    location,
    source,
    add: false,
    from: { kind: 'named', name },
    sources: ['/'],
    remotes: [],
    heredocs: [],
    destination: '/',
    exclude: [],
    parents: false,
    link: false,
    unpack: false,
  };
  state.steps.push(step);
  state.note(`FROM ${name}`, state.stage, step.id);
}

/** Joins a destination to the working directory. A trailing slash, which means a directory, is kept. */
export function absoluteDestination(cwd: string, written: string): string {
  if (written === '') return cwd;
  const directory = /(^|\/)\.{0,2}$/.test(written);
  const parts: string[] = [];
  for (const part of `${written.startsWith('/') ? '' : `${cwd}/`}${written}`.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  const path = `/${parts.join('/')}`;
  return directory && path !== '/' ? `${path}/` : path;
}

/** The same without a trailing slash. */
export function absolutePath(cwd: string, written: string): string {
  return absoluteDestination(cwd, written).replace(/(.)\/$/, '$1');
}

function checkContextSources(
  state: StageState,
  instruction: CopyInstruction,
  sources: string[],
  ignoredBy: (path: string) => string | undefined,
): void {
  for (const [i, source] of sources.entries()) {
    if (isHttpUrl(source) || isGitUrl(source)) continue;
    if (state.isUncertain) return;
    state.rules.check('context-source', {
      written: source,
      location: instruction.sources[i]!.location,
      ignoredBy: ignoredBy(absolutePath('/', source).slice(1)),
    });
  }
}

function isGitUrl(source: string): boolean {
  return parseGitUrl(source) !== undefined;
}

/** Separates the sources that ADD downloads from those of the context. */
function splitSources(
  instruction: CopyInstruction,
  written: string[],
  { checksum }: { checksum: string | undefined },
): { sources: string[]; remotes: RemoteSource[] } {
  const sources: string[] = [];
  const remotes: RemoteSource[] = [];
  if (checksum !== undefined && written.length + instruction.heredocs.length > 1) {
    throw wrongChecksum(instruction, 'is for one source only', 'Write an ADD for each of them.');
  }
  for (const [i, text] of written.entries()) {
    const remote = remoteSource(instruction, text, sources.length, checksum);
    if (remote === undefined) {
      sources.push(text);
    } else if (instruction.kind === 'COPY') {
      throw new JettisonError('COPY_REMOTE', `COPY cannot fetch "${text}"`, {
        location: instruction.sources[i]!.location,
        hint: 'Use ADD.',
      });
    } else {
      remotes.push(remote);
    }
  }
  if (checksum !== undefined && remotes.length === 0) {
    const hint = 'A file of the context is compared by its content anyway.';
    throw wrongChecksum(instruction, 'is for URLs and git repositories', hint);
  }
  return { sources, remotes };
}

function remoteSource(
  instruction: CopyInstruction,
  text: string,
  position: number,
  checksum: string | undefined,
): RemoteSource | undefined {
  const source = parseGitUrl(text);
  if (source !== undefined) {
    if (checksum !== undefined && !/^[0-9a-f]+$/i.test(checksum)) {
      throw wrongChecksum(
        instruction,
        `is not a commit: "${checksum}"`,
        'Write the digits of a commit, all or the first of them.',
      );
    }
    const keepGitDir = switchValue(instruction.keepGitDir) ?? source.keepGitDir ?? false;
    return {
      position,
      kind: 'git',
      source: { ...source, keepGitDir, ...(checksum === undefined ? {} : { checksum }) },
    };
  }
  if (!isHttpUrl(text)) return undefined;
  if (checksum !== undefined && !isDigest(checksum)) {
    throw wrongChecksum(
      instruction,
      `is not a digest: "${checksum}"`,
      'Write sha256: and 64 hexadecimal digits.',
    );
  }
  return {
    position,
    kind: 'http',
    url: text,
    name: fileName(text),
    unpack: switchValue(instruction.unpack) ?? false,
    ...(checksum === undefined ? {} : { checksum }),
  };
}

const UNNAMED = '__unnamed__';

/** The file name of a URL: the last part of its path. */
function fileName(url: string): string {
  try {
    const path = decodeURIComponent(new URL(url).pathname);
    const name = path.split('/').findLast((part) => part !== '');
    return name === undefined || /^\.{1,2}$|\0/.test(name) ? UNNAMED : name;
  } catch {
    // Not a URL, or one with an invalid % escape.
    return UNNAMED;
  }
}

function wrongChecksum({ checksum }: CopyInstruction, reason: string, hint: string): JettisonError {
  return new JettisonError('ADD_CHECKSUM', `--checksum ${reason}`, { location: checksum!.location, hint });
}
