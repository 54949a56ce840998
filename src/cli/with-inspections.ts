import type { Image } from '../image/image.ts';
import { parsePlatform } from '../image/platform.ts';
import { openImage } from '../images/open-image.ts';
import { inspect } from '../inspect/inspect.ts';
import type { Inspection } from '../inspect/inspection.ts';
import { Registries } from '../registry/registries.ts';
import { openStore, type Store } from '../store/store.ts';
import type { Io } from './command.ts';
import type { FlagTable, Values } from './flag.ts';
import { REGISTRY_FLAGS } from './flags/common.ts';
import { TransferView } from './print/transfer-progress.ts';

/** Flags of all commands that look into images: which image a name means. */
export const SOURCE_FLAGS = {
  ...REGISTRY_FLAGS,
  platform: {
    value: 'PLATFORM',
    help: 'The platform to take of a multi-platform image, such as linux/arm64',
    parse: (text: string) => parsePlatform(text),
  },
  remote: { help: 'Read the image from its registry, even if the store has it' },
} as const satisfies FlagTable;

/** For the help of those commands: the forms of IMAGE. */
export const SOURCE_NOTE = `IMAGE is a name or an id in the store, else a name in a registry, or one of
docker-archive:FILE, oci-archive:FILE[:TAG], oci:DIR[:TAG], dir:PATH, docker://NAME, podman://NAME and
registry://NAME.`;

/**
 * Opens and inspects images, and closes them after `use`. Shows progress on a terminal. Each layer is read once; the
 * store keeps the result.
 */
export async function withInspections<T>(
  names: readonly string[],
  choice: Values<typeof SOURCE_FLAGS>,
  io: Io,
  use: (inspections: Inspection[], store: Store) => Promise<T> | T,
): Promise<T> {
  const { env, cwd, signal } = io;
  const store = openStore({ env });
  const registries = new Registries({ env, signal, insecure: choice['registry-insecure'] });
  const end = await store.leases.use(signal);
  const opened: Image[] = [];
  const view = new TransferView(io, 'read');
  try {
    const inspections: Inspection[] = [];
    for (const name of names) {
      const image = await openImage(name, {
        ...{ store, registries, env, cwd, signal, remote: choice.remote },
        ...(choice.platform !== undefined && { platform: choice.platform }),
      });
      opened.push(image);
      inspections.push(
        await inspect(image, {
          ...{ store, signal },
          onProgress: ({ blob: { digest: item, size } }, moved) => {
            if (io.stderr.isTTY)
              view.onProgress({ item, size, moved, state: moved < size ? 'moving' : 'done' });
          },
        }),
      );
    }
    view.end();
    return await use(inspections, store);
  } finally {
    view.end();
    for (const image of opened) await image.close();
    registries.close();
    end();
    store.close();
  }
}
