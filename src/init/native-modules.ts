import type { BaseFamily } from './image-recipe.ts';

/** A package with native code, or one that starts a native program. */
export interface NativeModule {
  /** Why one base fits and another does not. */
  why: string;
  /** Bases that it runs on, the best first. */
  bases: readonly BaseFamily[];
  /** Packages for the production stage. */
  runtime?: { apk?: string; apt?: string };
  /** Packages for compiling it. */
  compile?: { apk?: string; apt?: string };
  /** Variables of the stages that install it, and of the production stage. */
  env?: Record<string, string>;
}

const PREBUILT: Pick<NativeModule, 'bases'> = { bases: ['alpine', 'slim', 'distroless', 'host'] };
const GLIBC: Pick<NativeModule, 'bases'> = { bases: ['slim', 'distroless', 'host'] };
const BROWSER = {
  apk: 'chromium nss freetype harfbuzz ca-certificates ttf-freefont',
  apt: 'chromium fonts-liberation',
};

/** By package name. */
const NATIVE_MODULES: Record<string, NativeModule> = {
  '@prisma/client': {
    ...PREBUILT,
    why: 'its engine loads OpenSSL',
    runtime: { apk: 'openssl', apt: 'openssl' },
    compile: { apk: 'openssl', apt: 'openssl' },
  },
  argon2: { ...PREBUILT, why: 'it has binaries for glibc and musl' },
  bcrypt: { ...PREBUILT, why: 'it has binaries for glibc and musl' },
  'better-sqlite3': { ...PREBUILT, why: 'it has binaries for glibc and musl' },
  canvas: { ...GLIBC, why: 'its binaries, with Cairo inside, are for glibc' },
  sharp: { ...PREBUILT, why: 'its packages have binaries for glibc and musl' },
  sqlite3: { ...GLIBC, why: 'its binaries are for glibc' },
  'node-pty': {
    bases: ['slim', 'distroless', 'alpine'],
    why: 'it is compiled when it is installed',
    compile: { apk: 'python3 make g++', apt: 'python3 make g++' },
  },
  '@tensorflow/tfjs-node': { ...GLIBC, why: 'its binaries are for glibc' },
  'onnxruntime-node': { ...GLIBC, why: 'its binaries are for glibc' },
  puppeteer: {
    bases: ['slim', 'alpine'],
    why: 'its browser needs libraries of a distribution, so that distribution brings the browser',
    runtime: BROWSER,
    env: { PUPPETEER_SKIP_DOWNLOAD: 'true', PUPPETEER_EXECUTABLE_PATH: '/usr/bin/chromium' },
  },
  'puppeteer-core': {
    bases: ['slim', 'alpine'],
    why: 'the browser comes from the distribution',
    runtime: BROWSER,
    env: { PUPPETEER_EXECUTABLE_PATH: '/usr/bin/chromium' },
  },
  playwright: {
    bases: ['slim'],
    why: 'its browsers are for glibc, and need libraries of the distribution',
    runtime: { apt: 'chromium fonts-liberation' },
    env: { PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD: '1' },
  },
};

/** The native modules of some dependencies, by name. */
export function nativeModules(dependencies: Record<string, string>): [string, NativeModule][] {
  return Object.entries(NATIVE_MODULES).filter(([name]) => Object.hasOwn(dependencies, name));
}
