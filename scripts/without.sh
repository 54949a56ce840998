#!/usr/bin/env bash
# without.sh PROGRAMS COMMAND…: runs a command as on a machine that lacks some programs (separated by commas), e.g.
#   scripts/without.sh pasta,slirp4netns npx vitest run test/integration/run-network.test.ts
# An overlay takes them out of each folder of programs, in a mount namespace that only this command sees. As root.
set -euo pipefail
if [ "${JETTISON_WITHOUT-}" != "$1" ]; then
  JETTISON_WITHOUT=$1 exec unshare --mount "$0" "$@"
fi
unset JETTISON_WITHOUT
IFS=, read -ra programs <<<"$1"
shift
IFS=: read -ra path <<<"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$PATH"
memory=$(mktemp -d)
mount -t tmpfs none "$memory"
for folder in $(realpath -qe -- "${path[@]}" | sort -u); do
  upper=$(mktemp -d "$memory/XXXXXX")
  work=$(mktemp -d "$memory/XXXXXX")
  for program in "${programs[@]}"; do
    if [ -e "$folder/$program" ]; then mknod "$upper/$program" c 0 0; fi
  done
  chmod --reference="$folder" "$upper"
  if [ -n "$(ls "$upper")" ]; then
    mount -t overlay overlay -o "lowerdir=$folder,upperdir=$upper,workdir=$work" "$folder"
  fi
done
umount -l "$memory"
rmdir "$memory"
exec "$@"
