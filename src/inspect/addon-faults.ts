import { ELF_MACHINES } from '../image/platform.ts';
import { parentOf } from '../layer/entry.ts';
import { byNumbers, type NativeAddon } from './catalogues/native-addons.ts';
import type { Inspection } from './inspection.ts';

/** Architectures whose addons the catalogue reads: 64 bits, little-endian. */
const READ = new Set(['amd64', 'arm64', 'ppc64le', 'riscv64', 'loong64']);
/** Parts of names of packages that are for one platform: `@img/sharp-linuxmusl-x64`. */
const PLATFORM =
  /[-.](linux|linuxmusl|darwin|win32|musl|gnu|glibc|x64|arm64|arm|ia32|s390x|ppc64|riscv64)(?=[-.]|$)/g;

/** A native addon that its image cannot load. */
export interface AddonFault {
  path: string;
  /** The package that it is of; else its path. */
  name: string;
  /** `needs musl, and the image has glibc`. */
  fault: string;
}

/**
 * Native addons that do not load in an image, one for each package: another C library, architecture or Node. Packages come
 * with addons for many systems, and load the one that fits: then there is none.
 */
export function addonFaults(inspection: Inspection): AddonFault[] {
  const { census } = inspection;
  const system = systemOf(inspection);
  const addons = [...(census.facts('native-addons') as Map<string, NativeAddon>)].map(([path, addon]) => {
    const { owner } = census.leaves.get(path) ?? {};
    const group = (owner?.name ?? parentOf(path)).replace(PLATFORM, '');
    return { path, name: owner?.name ?? path, group, fault: faultOf(addon, system) };
  });
  const fitting = new Set(addons.flatMap(({ fault, group }) => (fault === undefined ? group : [])));
  const found = new Map<string, AddonFault>();
  for (const { path, name, group, fault } of addons) {
    if (fault !== undefined && !fitting.has(group) && !found.has(group))
      found.set(group, { path, name, fault });
  }
  return [...found.values()];
}

interface System {
  architecture: string;
  /** Undefined where the image has both loaders, or none. */
  libc: 'glibc' | 'musl' | undefined;
  glibc: string | undefined;
  abi: number | undefined;
}

function systemOf({ census, image }: Inspection): System {
  const loaders = new Set<'glibc' | 'musl'>();
  for (const folder of [
    'lib',
    'lib64',
    'usr/lib',
    'usr/lib64',
    'lib/x86_64-linux-gnu',
    'lib/aarch64-linux-gnu',
  ]) {
    for (const name of census.children(census.real(folder) ?? folder)) {
      if (/^ld-musl-/.test(name)) loaders.add('musl');
      if (/^ld-linux|^ld64\.so/.test(name)) loaders.add('glibc');
    }
  }
  const packages = [...census.packages.values()];
  const glibc = packages.find(({ name, type }) =>
    type === 'deb' ? name === 'libc6' : type === 'generic' && name === 'glibc',
  )?.version;
  const nodes = [...census.facts('node').values()] as { parts: Record<string, string> }[];
  const abi = nodes.length === 1 ? Number(nodes[0]!.parts['modules']) : Number.NaN;
  return {
    architecture: image.config.architecture,
    libc: loaders.size === 1 ? [...loaders][0] : undefined,
    glibc: /^\d+\.\d+/.exec(glibc ?? '')?.[0],
    abi: Number.isNaN(abi) ? undefined : abi,
  };
}

/** Why an addon does not load; undefined for one that does. */
function faultOf(addon: NativeAddon, system: System): string | undefined {
  const { architecture } = system;
  if (READ.has(architecture) && addon.machine !== ELF_MACHINES[architecture])
    return `is not for ${architecture}`;
  if (addon.libc !== undefined && system.libc !== undefined && addon.libc !== system.libc)
    return `needs ${addon.libc}, and the image has ${system.libc}`;
  if (
    addon.glibc !== undefined &&
    system.glibc !== undefined &&
    byNumbers.compare(addon.glibc, system.glibc) > 0
  )
    return `needs glibc ${addon.glibc}, and the image has ${system.glibc}`;
  if (!addon.isNodeApi && addon.abi !== undefined && system.abi !== undefined && addon.abi !== system.abi)
    return `is built for modules of version ${addon.abi}, and Node here has ${system.abi}`;
  return undefined;
}
