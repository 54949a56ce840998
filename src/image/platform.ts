import { JettisonError } from '../errors/error.ts';
import type { Platform } from './types.ts';

/** `e_machine` of the architectures' programs, as in their ELF headers. */
export const ELF_MACHINES: Readonly<Record<string, number>> = {
  '386': 3,
  mips64le: 8,
  mipsle: 8,
  ppc64le: 21,
  s390x: 22,
  arm: 40,
  amd64: 62,
  arm64: 183,
  riscv64: 243,
  loong64: 258,
};

/** OCI's names (those of Go) for Node's architectures. */
const FROM_NODE: Record<string, { architecture: string; variant?: string }> = {
  x64: { architecture: 'amd64' },
  ia32: { architecture: '386' },
  arm64: { architecture: 'arm64' },
  arm: { architecture: 'arm', variant: 'v7' },
  ppc64: { architecture: 'ppc64le' },
  mipsel: { architecture: 'mipsle' },
  loong64: { architecture: 'loong64' },
  riscv64: { architecture: 'riscv64' },
  s390x: { architecture: 's390x' },
};

/** OCI's names for other common names of architectures. */
const ARCHITECTURES: Record<string, { architecture: string; variant?: string }> = {
  x86_64: { architecture: 'amd64' },
  'x86-64': { architecture: 'amd64' },
  i386: { architecture: '386' },
  i686: { architecture: '386' },
  aarch64: { architecture: 'arm64' },
  armhf: { architecture: 'arm', variant: 'v7' },
  armel: { architecture: 'arm', variant: 'v6' },
};

/** Names that are recognised as an operating system, or as an architecture, when they stand alone. */
const SYSTEMS = new Set([
  'linux',
  'windows',
  'darwin',
  'freebsd',
  'netbsd',
  'openbsd',
  'solaris',
  'illumos',
  'wasip1',
]);
const KNOWN_ARCHITECTURES = new Set([
  ...Object.values(FROM_NODE).map(({ architecture }) => architecture),
  ...Object.keys(ARCHITECTURES),
  ...['mips', 'mips64', 'mips64le', 'ppc64', 'riscv', 's390', 'sparc64', 'wasm'],
]);

/** Default variants. OCI leaves out those of arm64 and amd64. */
const DEFAULT_VARIANT: Record<string, string> = { arm: 'v7', arm64: 'v8', amd64: 'v1' };
/** The lowest variant that machines of an architecture can run. */
const LEAST_VARIANT: Record<string, number> = { arm: 5, arm64: 8, amd64: 1 };

/** The platform of images built on this machine: always Linux. */
export function hostPlatform(arch: string = process.arch): Platform {
  return { os: 'linux', ...(FROM_NODE[arch] ?? { architecture: arch }) };
}

/**
 * Parses `os/architecture[/variant]`, an architecture alone or an operating system alone, and completes it
 * from the host's platform: `linux/arm64/v8`, `arm64`, `linux`.
 *
 * @throws JettisonError `PLATFORM_INVALID`
 */
export function parsePlatform(text: string, host: Platform = hostPlatform()): Platform {
  const parts = text.toLowerCase().split('/');
  if (parts.length > 3 || !parts.every((part) => /^[a-z0-9_.-]+$/.test(part))) {
    throw new JettisonError('PLATFORM_INVALID', `invalid platform "${text}"`, {
      hint: 'A platform is written os/architecture or os/architecture/variant, such as linux/arm64.',
    });
  }
  const [first, second, third] = parts as [string, string?, string?];
  if (second === undefined) {
    const os = first === 'macos' ? 'darwin' : first;
    if (SYSTEMS.has(os)) return { ...host, os };
    if (!KNOWN_ARCHITECTURES.has(first)) {
      throw new JettisonError(
        'PLATFORM_INVALID',
        `"${text}" is neither an operating system nor an architecture`,
        { hint: 'A platform is written os/architecture or os/architecture/variant, such as linux/arm64.' },
      );
    }
    return normalisePlatform({ os: host.os, architecture: first });
  }
  return normalisePlatform({
    os: first,
    architecture: second,
    ...(third === undefined ? {} : { variant: third }),
  });
}

/** Converts a platform to OCI's names: `x86_64` is `amd64`, `arm64/v8` is `arm64`, `arm` is `arm/v7`. */
function normalisePlatform(platform: Platform): Platform {
  const known = ARCHITECTURES[platform.architecture];
  const architecture = known?.architecture ?? platform.architecture;
  let variant = known?.variant ?? (platform.variant || undefined);
  if (variant !== undefined && /^\d+(\.\d+)?$/.test(variant)) variant = `v${variant}`;
  variant = variant?.replace(/\.0$/, '');
  if (architecture === 'arm') variant ??= DEFAULT_VARIANT['arm'];
  else if (variant === DEFAULT_VARIANT[architecture]) variant = undefined;
  const version = platform['os.version'];
  const os = platform.os.toLowerCase();
  return {
    os: os === 'macos' ? 'darwin' : os,
    architecture,
    ...(variant === undefined ? {} : { variant }),
    ...(version === undefined ? {} : { 'os.version': version }),
  };
}

/** `linux/arm64`, `linux/arm/v7`. */
export function formatPlatform(platform: Platform): string {
  const { os, architecture, variant } = normalisePlatform(platform);
  return [os, architecture, variant].filter((part) => part !== undefined).join('/');
}

/**
 * How well an image of one platform runs on another: 0 not at all, higher is better. As in containerd a machine runs
 * images of lower variants, and last those of its 32-bit architecture.
 */
export function matchPlatform(wanted: Platform, offered: Platform): number {
  const name = formatPlatform(offered);
  const served = servedBy(normalisePlatform(wanted)).map((platform) => formatPlatform(platform));
  const place = served.indexOf(name);
  return place < 0 ? 0 : served.length - place;
}

/** All platforms whose images a machine can run, the best first. */
function servedBy(platform: Platform): Platform[] {
  const { os, architecture } = platform;
  const least = LEAST_VARIANT[architecture];
  if (least === undefined) return [platform];
  const variants: Platform[] = [platform];
  const level = Number(/^v(\d+)/.exec(platform.variant ?? DEFAULT_VARIANT[architecture] ?? '')?.[1] ?? 0);
  const whole = platform.variant?.includes('.') ? level : level - 1;
  for (let lower = whole; lower >= least; lower--) variants.push({ os, architecture, variant: `v${lower}` });
  if (architecture === 'amd64') variants.push({ os, architecture: '386' });
  if (architecture === 'arm64') variants.push(...servedBy({ os, architecture: 'arm', variant: 'v8' }));
  return variants;
}

/** The best match, the first among equals; undefined without a match. */
export function bestPlatform<T extends { platform?: Platform }>(
  wanted: Platform,
  offers: T[],
): T | undefined {
  let best: T | undefined;
  let score = 0;
  for (const offer of offers) {
    const match = offer.platform === undefined ? 0 : matchPlatform(wanted, offer.platform);
    if (match > score) [best, score] = [offer, match];
  }
  return best;
}
