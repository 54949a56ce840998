import { realpathSync } from 'node:fs';
import { ignoreRules } from '../context/ignore.ts';
import { openLocalContext } from '../context/local.ts';
import { withoutCredentials } from '../errors/safe-text.ts';
import type { OnProgress } from '../events/transfer.ts';
import { hex } from '../image/digest.ts';
import type { TreeEntry } from '../layer/tree.ts';
import type { CopyStep, RemoteSource } from '../plan/plan.ts';
import { selectSources } from './copy/select.ts';
import { type SelectedSource, unhashed } from './copy/selection.ts';
import type { SolveContext } from './solve-context.ts';
import { inTurns } from './turns.ts';

/**
 * Definitions of ADD's URLs and repositories. A checksum or a commit needs no download; a URL without a checksum is
 * requested with its validators.
 *
 * @throws JettisonError `DOWNLOAD_FAILED`, `GIT_…`
 */
export function remoteDefinitions(
  context: SolveContext,
  remotes: RemoteSource[],
  onTransfer: OnProgress,
): Promise<unknown[]> {
  return Promise.all(
    remotes.map(async (remote) => {
      const fetcher = await context.remotes();
      if (remote.kind === 'git') return { commit: await fetcher.commit(remote.source, onTransfer) };
      if (remote.checksum !== undefined) return { content: remote.checksum };
      return { content: (await fetcher.download(remote.url, undefined, onTransfer)).digest };
    }),
  );
}

/** Fetches one of ADD's URLs or repositories. @throws JettisonError `DOWNLOAD_FAILED`, `GIT_…` */
export async function selectRemote(
  context: SolveContext,
  step: CopyStep,
  remote: RemoteSource,
  onTransfer: OnProgress,
): Promise<SelectedSource[]> {
  const fetcher = await context.remotes();
  if (remote.kind === 'git') {
    const url = withoutCredentials(remote.source.url);
    const { directory } = await fetcher.checkOut(remote.source, onTransfer);
    const tree = openLocalContext({
      directory,
      ignore: ignoreRules([], ''),
      label: url,
      signal: context.signal,
    });
    const selecting = selectSources(tree, {
      sources: ['/'],
      exclude: step.exclude,
      parents: false,
      place: `the repository ${url}`,
    });
    const selection = await inTurns(selecting, context.signal);
    await tree.hash(unhashed(selection));
    return selection.sources;
  }
  const { path, digest, size, mtime } = await fetcher.download(remote.url, remote.checksum, onTransfer);
  const entry: TreeEntry = {
    path: '',
    type: 'file',
    mode: 0o600,
    uid: 0,
    gid: 0,
    size,
    mtime,
    digest: hex(digest),
    // Sources are read without following symlinks, and the path of the store may contain one.
    source: { kind: 'host', path: realpathSync(path) },
  };
  return [
    {
      kind: 'file',
      name: remote.name,
      entries: [{ path: '', entry }],
      ...(remote.unpack ? {} : { whole: true as const }),
    },
  ];
}
