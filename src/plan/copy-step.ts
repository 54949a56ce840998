import type { CopyInstruction, Word } from '../dockerfile/ast.ts';
import type { CheckId } from '../dockerfile/checks.ts';
import { switchValue } from '../dockerfile/flags.ts';
import { JettisonError } from '../errors/error.ts';
import type { CopyFrom, CopyStep } from './plan.ts';
import type { StageState } from './stage-state.ts';

/** Plans COPY and ADD: everything expanded, the destination absolute. */
export function addCopyStep(
  state: StageState,
  instruction: CopyInstruction,
  title: string,
  from: CopyFrom,
  ignoredBy: (path: string) => string | undefined = () => undefined,
): void {
  const sources = instruction.sources.map((word) => state.text(word));
  const heredocs = instruction.heredocs.map((heredoc) => ({
    name: heredoc.name,
    data: state.document(heredoc),
  }));
  const written = state.text(instruction.destination);
  const flag = (word: Word | undefined) => (word === undefined ? undefined : state.text(word));
  const chown = flag(instruction.chown);
  const chmod = flag(instruction.chmod);
  const exclude = instruction.exclude.map((word) => state.text(word));
  if (instruction.kind === 'ADD') refuseRemote(instruction, sources);
  if (from.kind === 'context') checkIgnored(state, instruction, sources, ignoredBy);

  const step: CopyStep = {
    kind: 'copy',
    id: state.nextStepId(),
    title,
    location: instruction.location,
    source: instruction.source,
    add: instruction.kind === 'ADD',
    from,
    sources,
    heredocs,
    destination: absoluteDestination(state.cwd, written),
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
  const names = [...sources, ...heredocs.map(({ name }) => `<<${name}`)];
  state.history.push({
    createdBy: `${[instruction.kind, ...flags, ...names, written].join(' ')} # buildkit`,
    step: step.id,
  });
}

/** Joins a destination to the working directory; a trailing slash, which says "a directory", stays. */
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

function checkIgnored(
  state: StageState,
  instruction: CopyInstruction,
  sources: string[],
  ignoredBy: (path: string) => string | undefined,
): void {
  for (const [i, source] of sources.entries()) {
    const by = ignoredBy(absoluteDestination('/', source).slice(1).replace(/\/$/, ''));
    if (by === undefined) continue;
    state.warn({
      code: 'CopyIgnoredFile' satisfies CheckId,
      message: `"${source}" is no part of the build: ${by} keeps it out`,
      location: instruction.sources[i]!.location,
      hint: 'Let it in with a later line that begins with !, or do not copy it.',
    });
  }
}

function refuseRemote(instruction: CopyInstruction, sources: string[]): void {
  const unsupported = (what: string, word: Word) => {
    throw new JettisonError('NOT_SUPPORTED', `ADD of ${what} is not supported by this version yet`, {
      location: word.location,
      hint: 'Fetch it before the build, or with curl or git in a RUN.',
    });
  };
  sources.forEach((source, i) => {
    const word = instruction.sources[i]!;
    if (/^git@|^(https?|ssh):\/\/[^#]+\.git(#|$)|^git:\/\//.test(source))
      unsupported('a git repository', word);
    if (/^https?:\/\//.test(source)) unsupported('a URL', word);
  });
  if (instruction.checksum !== undefined) unsupported('something with --checksum', instruction.checksum);
}
