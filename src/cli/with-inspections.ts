import type { Layer } from '../image/image.ts';
import { SOURCE_FORMS } from '../images/open-image.ts';
import { saveMemory } from '../inspect/heap.ts';
import type { LayerCompanion } from '../inspect/inspect.ts';
import { inspectImages } from '../inspect/inspect-images.ts';
import type { Inspection } from '../inspect/inspection.ts';
import type { Store } from '../store/store.ts';
import type { Io } from './command.ts';
import type { FlagTable, Values } from './flag.ts';
import { PLATFORM_FLAGS, REGISTRY_FLAGS } from './flags/common.ts';
import { TransferView } from './print/transfer-progress.ts';

/** Flags of all commands that inspect images. */
export const SOURCE_FLAGS = {
  ...REGISTRY_FLAGS,
  ...PLATFORM_FLAGS,
  remote: { help: 'Read the image from its registry, even if the store has it' },
} as const satisfies FlagTable;

const FORMS = [SOURCE_FORMS.slice(0, -1).join(', '), SOURCE_FORMS.at(-1)].join(' and ');
/** Note for the help of these commands: the forms of IMAGE. */
export const SOURCE_NOTE = `IMAGE is a name or an id in the store, else a name in a registry, or one of ${FORMS}.`;

/**
 * Opens and inspects images, and closes them after `use`. Shows progress on a terminal. Each layer is read once; the
 * store keeps the result.
 */
export async function withInspections<T>(
  names: readonly string[],
  choice: Values<typeof SOURCE_FLAGS>,
  io: Io,
  use: (inspections: Inspection[], store: Store) => Promise<T> | T,
  companion?: LayerCompanion,
): Promise<T> {
  saveMemory();
  const view = new TransferView(io, 'read');
  const onProgress = ({ blob: { digest: item, size } }: Layer, moved: number) =>
    view.onProgress({ item, size, moved, state: moved < size ? 'moving' : 'done' });
  try {
    return await inspectImages(
      names,
      {
        ...{ env: io.env, cwd: io.cwd, signal: io.signal },
        ...{ platform: choice.platform, remote: choice.remote, insecure: choice['registry-insecure'] },
        ...(io.stderr.isTTY && { onProgress }),
        ...(companion && { companion }),
      },
      (inspections, store) => {
        view.end();
        return use(inspections, store);
      },
    );
  } finally {
    view.end();
  }
}
