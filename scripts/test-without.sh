#!/usr/bin/env bash
# npm run test:without: the tests that use optional programs pass without them, too: without all at once, and without
# each. One line a machine: what it lacks, and the files of tests for which that matters.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! scripts/without.sh no-such-program true 2>/dev/null; then
  echo 'skipped: only root, where it may mount, can hide programs'
  exit
fi
while read -r programs files; do
  echo "without $programs"
  # shellcheck disable=SC2086
  JETTISON_THOROUGH=1 scripts/without.sh "$programs" npx vitest run --project unit --project integration --reporter=dot --reporter=./test/support/reporter.ts $files </dev/null
done <<'END'
pasta,slirp4netns,crun,runc,podman,buildah,skopeo,umoci,newuidmap,newgidmap,docker,dockerd,docker-registry,zstd,xz,bzip2 run-network run-containers rung-choice images-doctor secrets-command layer-unpack outputs read-back
busybox run-network run-containers rung-choice debug read-back
pasta run-network
slirp4netns run-network
crun rung-choice
runc rung-choice archives
newuidmap,newgidmap run-rootless
END
