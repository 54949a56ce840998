import { byNumbers, type NativeAddon } from '../../inspect/catalogues/native-addons.ts';
import { parentOf } from '../../layer/entry.ts';
import { defineAdvice } from '../advice.ts';
import type { ImageFacts } from '../image-facts.ts';

/** Numbers of machines in ELF, by the architecture of an image. */
const MACHINES: Record<string, number> = { amd64: 62, arm64: 183, ppc64le: 21, s390x: 22, riscv64: 243 };
/** Parts of names of packages that are for one platform: `@img/sharp-linuxmusl-x64`. */
const PLATFORM =
  /[-.](linux|linuxmusl|darwin|win32|musl|gnu|glibc|x64|arm64|arm|ia32|s390x|ppc64|riscv64)(?=[-.]|$)/g;

export const nativeAddons = defineAdvice({
  id: 'NativeAddons',
  description: 'Native addons are built for the C library, the architecture and the Node of the image.',
  severity: 'error',
  confidence: 'certain',
  needsImage: true,
  aliases: [],
  on: 'file',
  check(_, report, { image }) {
    if (image === undefined) return;
    const system = systemOf(image);
    const addons = [...(image.census.facts('native-addons') as Map<string, NativeAddon>)].map(
      ([path, addon]) => {
        const { owner } = image.census.leaves.get(path) ?? {};
        const group = (owner?.name ?? parentOf(path)).replace(PLATFORM, '');
        return { path, name: owner?.name ?? path, group, fault: faultOf(addon, system) };
      },
    );
    // Packages come with addons for many systems, and load the one that fits.
    const fitting = new Set(addons.flatMap(({ fault, group }) => (fault === undefined ? group : [])));
    const seen = new Set<string>();
    for (const { path, name, group, fault } of addons) {
      if (fault === undefined || fitting.has(group) || seen.has(group)) continue;
      seen.add(group);
      report({
        message: `${name} does not load in this image: /${path} ${fault}`,
        hint: 'Install in a stage on the base image of the last stage, or on one with the same C library and Node.',
        ...image.place(image.census.leaves.get(path)!.layer),
      });
    }
  },
});

interface System {
  architecture: string;
  /** Undefined where the image has both loaders, or none. */
  libc: 'glibc' | 'musl' | undefined;
  glibc: string | undefined;
  abi: number | undefined;
}

function systemOf({ census, inspection }: ImageFacts): System {
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
    architecture: inspection.image.config.architecture,
    libc: loaders.size === 1 ? [...loaders][0] : undefined,
    glibc: /^\d+\.\d+/.exec(glibc ?? '')?.[0],
    abi: Number.isNaN(abi) ? undefined : abi,
  };
}

/** Why an addon does not load; undefined for one that does. */
function faultOf(addon: NativeAddon, system: System): string | undefined {
  const machine = MACHINES[system.architecture];
  if (machine !== undefined && addon.machine !== machine) return `is not for ${system.architecture}`;
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
