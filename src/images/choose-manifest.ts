import { JettisonError } from '../errors/error.ts';
import type { Descriptor } from '../image/types.ts';

const NAMES = ['org.opencontainers.image.ref.name', 'io.containerd.image.name'];

/**
 * The manifest of an OCI layout that somebody means.
 *
 * @param options.which a tag, a name or a digest; absent: `latest`, else the only one
 * @param options.name of the layout, for messages
 * @throws JettisonError `OCI_LAYOUT`
 */
export function chooseManifest(
  manifests: readonly Descriptor[],
  { which, name }: { which: string | undefined; name: string },
): Descriptor {
  const namesOf = ({ annotations }: Descriptor) => NAMES.flatMap((key) => annotations?.[key] ?? []);
  const named = (wanted: string) =>
    manifests.find(
      (one) =>
        one.digest === wanted ||
        namesOf(one).some(
          (text) => text === wanted || text.endsWith(`:${wanted}`) || text.endsWith(`/${wanted}`),
        ),
    );
  const distinct = new Set(manifests.map(({ digest }) => digest));
  const found = which !== undefined ? named(which) : distinct.size === 1 ? manifests[0] : named('latest');
  if (found !== undefined) return found;
  const names = [...new Set(manifests.flatMap((one) => namesOf(one)[0] ?? one.digest))];
  throw new JettisonError(
    'OCI_LAYOUT',
    which === undefined ? `${name} has ${distinct.size} images` : `${name} has no image "${which}"`,
    {
      hint:
        names.length === 0 ? 'It is empty: write an image into it first.' : `Name one: ${names.join(', ')}.`,
    },
  );
}
