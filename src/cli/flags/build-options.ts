import type { BuildOptions } from '../../build/build.ts';
import type { Io } from '../command.ts';
import type { BuildFlags } from './build-flags.ts';
import { cacheSource, cacheTarget } from './cache.ts';

/** What the flags ask of a build, apart from where its result goes. */
export function buildOptions(flags: BuildFlags, io: Io): BuildOptions {
  const { context, contexts, tags, buildArgs, labels, secrets, ssh, noCache, pull } = flags;
  const options: BuildOptions = { context, contexts, tags, buildArgs, labels, secrets, ssh, noCache, pull };
  options.cacheFrom = flags.cacheFrom.map((text) => cacheSource(text, io.cwd));
  options.cacheTo = flags.cacheTo.map((text) => cacheTarget(text, io.cwd));
  options.noCacheFilter = flags.noCacheFilter;
  options.reproducible = flags.reproducible;
  options.registryInsecure = flags.registryInsecure;
  options.env = io.env;
  options.signal = io.signal;
  if (flags.file !== undefined) options.file = flags.file;
  if (flags.file === '-' || context === '-') options.stdin = io.stdin;
  if (flags.target !== undefined) options.target = flags.target;
  if (flags.network !== undefined) options.network = flags.network;
  Object.assign(options, flags.run);
  if (flags.isolation !== undefined) options.isolation = flags.isolation;
  if (flags.platform !== undefined) options.platform = flags.platform;
  if (flags.platforms !== undefined) options.platforms = flags.platforms;
  return options;
}
