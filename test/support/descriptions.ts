import type {
  DescribedFile,
  DescribedLayer,
  DescribedPackage,
  ImageDescription,
} from '../../src/inspect/describe.ts';
import type { OriginLink } from '../../src/inspect/origins.ts';
import type { Kind } from '../../src/inspect/package.ts';
import type { Reported } from '../../src/report/columns.ts';

/** A file of an image that was made up: what is not said is as it mostly is. */
export type MadeUpFile = Partial<DescribedFile> & { path: string; bytes: number };

export interface MadeUp {
  label?: string;
  files: MadeUpFile[];
  packages?: (Partial<DescribedPackage> & { id: string })[];
  instructions?: ImageDescription['instructions'];
  waste?: ImageDescription['waste'];
  base?: ImageDescription['base'];
  config?: ImageDescription['image']['config'];
  origins?: OriginLink[];
}

/** The same, for a report; all files have the same origins. */
export function reported(made: MadeUp): Reported {
  const { files = [], ...description } = madeUpImage(made);
  const byPath = new Map(files.map((file) => [file.path, file]));
  return { description, files, fileAt: (path) => byPath.get(path), originsOf: () => made.origins ?? [] };
}

const digest = (seed: string) => `sha256:${Buffer.from(seed).toString('hex').padEnd(64, '0').slice(0, 64)}`;

/** A description with exact sums of an image that does not exist. */
function madeUpImage(made: MadeUp): ImageDescription {
  const { label = 'app:1', waste = [], config = {} } = made;
  const files = made.files.map(
    (file): DescribedFile => ({ kind: 'application', layer: 0, digest: digest(file.path), ...file }),
  );
  const instructions = made.instructions ?? [{ text: 'COPY . /app', keyword: 'COPY', layer: 0 }];
  const layers = instructions.flatMap(({ layer, text }, instruction): DescribedLayer[] => {
    if (layer === undefined) return [];
    const own = files.filter((file) => file.layer === layer);
    const wasted = waste.filter((one) => one.layer === layer).reduce((sum, { bytes }) => sum + bytes, 0);
    const bytes = own.reduce((sum, file) => sum + file.bytes, 0) + wasted;
    return [
      {
        ...{
          diffId: digest(`d${text}`),
          digest: digest(`b${text}`),
          bytes,
          files: own.length,
          wasted,
          instruction,
        },
        ...{ mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', packed: Math.ceil(bytes / 3) },
        base: layer < (made.base?.layers ?? 0),
      },
    ];
  });
  const packages = (made.packages ?? []).map((one): DescribedPackage => {
    const own = files.filter(({ package: id }) => id === one.id);
    return {
      ...{
        type: 'npm',
        name: one.id,
        version: '1.0.0',
        kind: 'npm' as Kind,
        path: `app/node_modules/${one.id}`,
      },
      ...{ bytes: own.reduce((sum, { bytes }) => sum + bytes, 0), files: own.length },
      layers: [...new Set(own.map(({ layer }) => layer))],
      ...one,
    };
  });
  const tree = files.reduce((sum, { bytes }) => sum + bytes, 0);
  const wasted = waste.reduce((sum, { bytes }) => sum + bytes, 0);
  const kinds: ImageDescription['kinds'] = {};
  for (const { kind, bytes } of files) {
    kinds[kind] ??= { bytes: 0, files: 0 };
    kinds[kind].bytes += bytes;
    kinds[kind].files++;
  }
  return {
    version: 1,
    image: { label, id: digest(`i${label}`), digest: digest(`m${label}`), platform: 'linux/amd64', config },
    ...(made.base && { base: made.base }),
    size: {
      ...{ packed: Math.ceil((tree + wasted) / 3), shipped: tree + wasted, tree, waste: wasted },
      ...{ files: files.length, layers: layers.length },
    },
    ...{ kinds, layers, instructions, packages, waste, files },
  };
}
