import type { AdvisorySource } from '../advisories/advisory.ts';
import { openSources } from '../advisories/open-sources.ts';
import { renderWarning } from '../errors/render.ts';
import { wantsColor } from '../errors/style.ts';
import type { Descriptor } from '../image/types.ts';
import { Registries } from '../registry/registries.ts';
import type { Store } from '../store/store.ts';
import type { Io } from './command.ts';
import { TransferView } from './print/transfer-progress.ts';

/** Opens what `--db` names, and closes it after `use`. Shows on a terminal what is fetched. */
export async function withSources<T>(
  store: Store,
  choice: { databases: readonly string[]; offline: boolean; insecure: boolean },
  io: Io,
  use: (sources: AdvisorySource[]) => Promise<T>,
): Promise<T> {
  const { databases, offline, insecure } = choice;
  const registries = new Registries({ env: io.env, signal: io.signal, insecure });
  const view = new TransferView(io, 'pull');
  let sources: AdvisorySource[] = [];
  try {
    sources = await openSources(databases, {
      ...{ store, registries, env: io.env, cwd: io.cwd, signal: io.signal, offline },
      ...(io.stderr.isTTY && {
        onProgress: ({ digest: item, size }: Descriptor, moved: number) =>
          view.onProgress({ item, size, moved, state: moved < size ? 'moving' : 'done' }),
      }),
      warn: (message) => {
        view.end();
        const color = wantsColor(io.stderr, io.env);
        io.stderr.write(renderWarning({ code: 'ADVISORIES', message }, { color }));
      },
    });
    view.end();
    return await use(sources);
  } finally {
    view.end();
    for (const source of sources) source.close();
    registries.close();
  }
}
