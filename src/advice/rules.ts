import type { AnyAdvice } from './advice.ts';
import { addFiles } from './rules/add-files.ts';
import { apkCache } from './rules/apk-cache.ts';
import { aptGet } from './rules/apt-get.ts';
import { aptLists } from './rules/apt-lists.ts';
import { aptRecommends } from './rules/apt-recommends.ts';
import { aptUpdateAlone } from './rules/apt-update-alone.ts';
import { aptYes } from './rules/apt-yes.ts';
import { baseTag } from './rules/base-tag.ts';
import { buildTools } from './rules/build-tools.ts';
import { cacheFiles } from './rules/cache-files.ts';
import { cacheMountTarget } from './rules/cache-mount-target.ts';
import { changeDirectory } from './rules/change-directory.ts';
import { chownCopies } from './rules/chown-copies.ts';
import { cleanupInLaterLayer } from './rules/cleanup-in-later-layer.ts';
import { commandProgram } from './rules/command-program.ts';
import { containerCommands } from './rules/container-commands.ts';
import { copiedSecrets } from './rules/copied-secrets.ts';
import { copyWithoutWorkdir } from './rules/copy-without-workdir.ts';
import { devDependencies } from './rules/dev-dependencies.ts';
import { developmentFiles } from './rules/development-files.ts';
import { distrolessCommand } from './rules/distroless-command.ts';
import { dockerignore } from './rules/dockerignore.ts';
import { duplicatePackages } from './rules/duplicate-packages.ts';
import { endOfLifeBase } from './rules/end-of-life-base.ts';
import { envReadsItself } from './rules/env-reads-itself.ts';
import { exposedPorts } from './rules/exposed-ports.ts';
import { extractedArchive } from './rules/extracted-archive.ts';
import { fullBase } from './rules/full-base.ts';
import { healthcheckProgram } from './rules/healthcheck-program.ts';
import { imageSecrets } from './rules/image-secrets.ts';
import { largeUserIds } from './rules/large-user-ids.ts';
import { manifestsComplete } from './rules/manifests-complete.ts';
import { nativeAddons } from './rules/native-addons.ts';
import { nextStandalone } from './rules/next-standalone.ts';
import { nodeCache } from './rules/node-cache.ts';
import { npmCi } from './rules/npm-ci.ts';
import { numericUser } from './rules/numeric-user.ts';
import { oneDownloader } from './rules/one-downloader.ts';
import { packageManagerStart } from './rules/package-manager-start.ts';
import { pinnedTools } from './rules/pinned-tools.ts';
import { pipCache } from './rules/pip-cache.ts';
import { pipeFailure } from './rules/pipe-failure.ts';
import { productionBeforeBuild } from './rules/production-before-build.ts';
import { rpmCache } from './rules/rpm-cache.ts';
import { runAsRoot } from './rules/run-as-root.ts';
import { runtimeTools } from './rules/runtime-tools.ts';
import { shellLink } from './rules/shell-link.ts';
import { sourcesBeforeInstall } from './rules/sources-before-install.ts';
import { sudo } from './rules/sudo.ts';
import { systemUpgrade } from './rules/system-upgrade.ts';
import { trustedRegistry } from './rules/trusted-registry.ts';
import { wgetProgress } from './rules/wget-progress.ts';

/** The rules of advice. Findings at one place of the file are in this order. */
export const ADVICE: readonly AnyAdvice[] = [
  addFiles,
  apkCache,
  aptGet,
  aptLists,
  aptRecommends,
  aptUpdateAlone,
  aptYes,
  baseTag,
  buildTools,
  cacheFiles,
  cacheMountTarget,
  changeDirectory,
  chownCopies,
  cleanupInLaterLayer,
  commandProgram,
  containerCommands,
  copiedSecrets,
  copyWithoutWorkdir,
  devDependencies,
  developmentFiles,
  distrolessCommand,
  dockerignore,
  duplicatePackages,
  endOfLifeBase,
  envReadsItself,
  exposedPorts,
  extractedArchive,
  fullBase,
  healthcheckProgram,
  imageSecrets,
  largeUserIds,
  manifestsComplete,
  nativeAddons,
  nextStandalone,
  nodeCache,
  npmCi,
  numericUser,
  oneDownloader,
  packageManagerStart,
  pinnedTools,
  pipCache,
  pipeFailure,
  productionBeforeBuild,
  rpmCache,
  runAsRoot,
  runtimeTools,
  shellLink,
  sourcesBeforeInstall,
  sudo,
  systemUpgrade,
  trustedRegistry,
  wgetProgress,
];
