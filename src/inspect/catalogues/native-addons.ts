import type { Catalogue } from '../catalogue.ts';
import type { RandomAccess } from '../random-access.ts';

/** What a native addon of Node asks of the system that loads it. */
export interface NativeAddon {
  /** The number of the machine in ELF's header. */
  machine: number;
  libc?: 'glibc' | 'musl';
  /** The newest version of glibc that it has symbols of: `2.34`. */
  glibc?: string;
  /** It uses Node-API, which all versions of Node have; else it is built for one `NODE_MODULE_VERSION`. */
  isNodeApi: boolean;
  /** `NODE_MODULE_VERSION`, where a symbol names it. */
  abi?: number;
}

/** Orders versions such as `2.4` and `2.34`. */
export const byNumbers = new Intl.Collator('en', { numeric: true });
const ELF64 = 2;
const LITTLE_ENDIAN = 1;
const HEADER = 64;
const SECTION = 64;
const DYNAMIC_SYMBOLS = 11;
const STRING_TABLE = 3;
/** No addon has more. */
const MOST_SECTIONS = 512;
const MOST_NAMES = 8 << 20;

/**
 * Native addons of Node (`.node`): the machine, C library and interface of Node that they are built for. Owns nothing.
 *
 * Read from the string table of ELF's dynamic section, which has the names of all libraries, versions and symbols that
 * are linked: `libc.musl-x86_64.so.1`, `GLIBC_2.34`, `napi_create_function`, `node_register_module_v115`.
 */
export const nativeAddons: Catalogue<NativeAddon> = {
  id: 'native-addons',
  wants: (path) => (path.endsWith('.node') ? 'random' : undefined),
  lookInto(_path, file) {
    const header = file.read(0, HEADER);
    if (header.length < HEADER || header.toString('latin1', 0, 4) !== '\x7fELF') return undefined;
    if (header[4] !== ELF64 || header[5] !== LITTLE_ENDIAN) return undefined;
    const names = linkedNames(file, header);
    if (names === undefined) return undefined;
    const all = new Set(names.split('\0'));
    const isMusl = all.has('libc.so') || [...all].some((name) => name.startsWith('libc.musl-'));
    const versions = [...names.matchAll(/\0GLIBC_(\d+\.\d+)(?=[.\d]*\0)/g)].map(([, version]) => version!);
    const glibc = versions.sort(byNumbers.compare).at(-1);
    const abi = /\0node_register_module_v(\d+)\0/.exec(names)?.[1];
    const libc = isMusl ? 'musl' : glibc !== undefined || all.has('libc.so.6') ? 'glibc' : undefined;
    return {
      machine: header.readUInt16LE(18),
      ...(libc && { libc }),
      ...(libc === 'glibc' && glibc !== undefined && { glibc }),
      isNodeApi: /\0(napi|node_api)_/.test(names),
      ...(abi !== undefined && { abi: Number(abi) }),
    };
  },
  own() {},
};

/** The string table of the dynamic symbols, with a NUL at both ends. */
function linkedNames(file: RandomAccess, header: Buffer): string | undefined {
  const start = Number(header.readBigUInt64LE(40));
  const count = Math.min(header.readUInt16LE(60), MOST_SECTIONS);
  if (header.readUInt16LE(58) !== SECTION || start > file.size) return undefined;
  const table = file.read(start, count * SECTION);
  const section = (at: number) => {
    const from = at * SECTION;
    return at >= 0 && from + SECTION <= table.length ? table.subarray(from, from + SECTION) : undefined;
  };
  for (let at = 0; at < count; at++) {
    const symbols = section(at);
    if (symbols?.readUInt32LE(4) !== DYNAMIC_SYMBOLS) continue;
    const strings = section(symbols.readUInt32LE(40));
    if (strings?.readUInt32LE(4) !== STRING_TABLE) return undefined;
    const [offset, size] = [24, 32].map((field) => Number(strings.readBigUInt64LE(field)));
    if (offset! > file.size) return undefined;
    return `\0${file.read(offset!, Math.min(size!, MOST_NAMES)).toString('latin1')}\0`;
  }
  return undefined;
}
