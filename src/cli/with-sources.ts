import type { AdvisorySource } from '../advisories/advisory.ts';
import { openSources } from '../advisories/open-sources.ts';
import { renderWarning } from '../errors/render.ts';
import { wantsColor } from '../errors/style.ts';
import { useRegistries } from '../registry/registries.ts';
import type { Store } from '../store/store.ts';
import type { Io } from './command.ts';
import { TransferView } from './print/transfer-progress.ts';

/** Opens the sources of `--db`, and closes them after `use`. Shows downloads on a terminal. */
export async function withSources<T>(
  store: Store,
  choice: { databases: readonly string[]; offline: boolean; insecure: boolean },
  io: Io,
  use: (sources: AdvisorySource[]) => Promise<T>,
): Promise<T> {
  const { databases, offline, insecure } = choice;
  const { env, cwd, signal, stderr } = io;
  const view = new TransferView(io, 'pull');
  let sources: AdvisorySource[] = [];
  try {
    return await useRegistries({ env, signal, insecure }, async (registries) => {
      sources = await openSources(databases, {
        ...{ store, registries, env, cwd, signal, offline },
        ...(stderr.isTTY && { onProgress: view.onProgress }),
        warn: (message) => {
          view.end();
          stderr.write(renderWarning({ code: 'ADVISORIES', message }, { color: wantsColor(stderr, env) }));
        },
      });
      view.end();
      return use(sources);
    });
  } finally {
    view.end();
    for (const source of sources) source.close();
  }
}
