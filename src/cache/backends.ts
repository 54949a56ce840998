import { EXIT, JettisonError } from '../errors/error.ts';
import type {
  CacheServices,
  CacheSourceOptions,
  CacheTargetOptions,
  ImageBackend,
  PlaceBackend,
} from './backend.ts';
import { inline } from './backends/inline.ts';
import { local } from './backends/local.ts';
import { registry } from './backends/registry.ts';
import type { CachePlace } from './place.ts';

/** All cache backends, in the order of the docs. */
export const BACKENDS = [registry, local, inline] as const;

type LocationOf<B> = B extends { open(location: infer L, services: CacheServices): Promise<CachePlace> }
  ? L
  : never;
type InImage = Extract<(typeof BACKENDS)[number], { kind: 'image' }>['type'];

/** The location of a cache outside the image. */
export type CacheLocation = LocationOf<(typeof BACKENDS)[number]>;

/** Where steps of other machines are looked up. */
export type CacheSource = CacheSourceOptions & CacheLocation;

/** Where steps are kept for other machines: in a place, or in the image. */
export type CacheTarget = (CacheTargetOptions & CacheLocation) | { type: InImage };

/** The backend of a place. @throws JettisonError `CACHE_INVALID` for an unknown type, from a JavaScript caller */
export function placeBackend<L extends CacheLocation>({ type }: L): PlaceBackend<L> {
  const backend = BACKENDS.find((one) => one.kind === 'place' && one.type === type);
  if (backend !== undefined) return backend as unknown as PlaceBackend<L>;
  throw new JettisonError('CACHE_INVALID', `unknown cache type "${String(type)}"`, {
    hint: `The types are ${BACKENDS.map((one) => one.type).join(', ')}.`,
    exitCode: EXIT.usage,
  });
}

/** The backend of a target inside the image; undefined for a target in a place. */
export function imageBackend({ type }: CacheTarget): ImageBackend<{ type: string }> | undefined {
  return BACKENDS.find((one) => one.kind === 'image' && one.type === type) as
    | ImageBackend<{ type: string }>
    | undefined;
}

export function isPlace(target: CacheTarget): target is CacheTargetOptions & CacheLocation {
  return imageBackend(target) === undefined;
}
