#!/usr/bin/env bash
# Installs, from Debian's own packages, the programs of others that judge what Jettison builds
# (`npm run test:peers`) and those that make its own tests complete. Nothing of it is needed to use Jettison.
#
#   skopeo, umoci     read the store as an OCI layout
#   docker.io         loads, runs and builds the same images
#   podman            loads, pulls and runs them, too
#   docker-registry   takes pushed images
#   crun, runc        OCI runtimes
#   passt, slirp4netns   private networks of containers
#   buildah           another builder, for comparisons
#   uidmap            newuidmap and newgidmap: builds of ordinary users with more than one id
#   busybox-static    a small root file system for tests
#   xz-utils, zstd, bzip2   archives that ADD extracts
#   rpm               the order of its versions
#
# No service is started or enabled: tests start what they need and end it.
set -euo pipefail

packages=(skopeo umoci docker.io podman docker-registry crun runc passt slirp4netns buildah uidmap busybox-static xz-utils zstd bzip2 rpm)

if ! command -v apt-get >/dev/null || ! grep -qE '^ID(_LIKE)?=.*debian' /etc/os-release 2>/dev/null; then
  echo "This script is for Debian. Install these with your own package manager: ${packages[*]}" >&2
  exit 1
fi
if [ "$(id -u)" != 0 ]; then
  echo "Installing packages needs root: sudo npm run peers" >&2
  exit 1
fi

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
if [ ${#missing[@]} = 0 ]; then
  echo "All peers are installed: ${packages[*]}"
  exit 0
fi

# Debian asks this program whether a package may start its service; 101 means no.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' > "$policy"
  chmod 755 "$policy"
fi

export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install --yes --no-install-recommends "${missing[@]}"
echo "Installed: ${missing[*]}"
