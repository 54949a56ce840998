import { formatPlatform } from '../image/platform.ts';
import type { Platform } from '../image/types.ts';

/** `PATH` of an image that is built from scratch. */
export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const PROXIES = ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY', 'ALL_PROXY'];

/**
 * The proxy settings among build arguments, which every RUN gets without an ARG: `K=V` in upper and in lower case. They
 * are part of no key and of no history.
 */
export function proxyVariables(buildArgs: Record<string, string>): string[] {
  const given = Object.entries(buildArgs);
  return PROXIES.flatMap((name) => {
    const [, value = ''] = given.findLast(([key]) => key.toUpperCase() === name) ?? [];
    return value === '' ? [] : [`${name}=${value}`, `${name.toLowerCase()}=${value}`];
  });
}

function isProxyArg(name: string): boolean {
  return PROXIES.includes(name.toUpperCase());
}

/** True for arguments of the builder, which need no ARG. */
export function isBuilderArg(name: string): boolean {
  return isProxyArg(name) || name === 'SOURCE_DATE_EPOCH' || name.startsWith('BUILDKIT_');
}

/** The predefined arguments: in scope of every FROM, and of a stage with an ARG without a value. */
export function platformArgs(build: Platform, target: Platform, stage: string): Record<string, string> {
  return { ...describe('BUILD', build), ...describe('TARGET', target), TARGETSTAGE: stage };
}

function describe(prefix: string, platform: Platform): Record<string, string> {
  return {
    [`${prefix}PLATFORM`]: formatPlatform(platform),
    [`${prefix}OS`]: platform.os,
    [`${prefix}OSVERSION`]: platform['os.version'] ?? '',
    [`${prefix}ARCH`]: platform.architecture,
    [`${prefix}VARIANT`]: platform.variant ?? '',
  };
}
