/**
 * Commands that RUN lines of ordinary Dockerfiles call, and that every Debian or Alpine base image has. Missing ones are
 * left out. Compilers, git, curl and package managers are not listed: their dependencies are half of the machine.
 */
export const TOOLS = words(`
  sh dash bash env

  [ arch b2sum base32 base64 basename basenc cat chgrp chmod chown chroot cksum comm cp csplit cut date dd df
  dir dircolors dirname du echo expand expr factor false fmt fold groups head hostid id install join link ln
  logname ls md5sum mkdir mkfifo mknod mktemp mv nice nl nohup nproc numfmt od paste pathchk pr printenv
  printf ptx pwd readlink realpath rm rmdir seq sha1sum sha224sum sha256sum sha384sum sha512sum shred shuf
  sleep sort split stat stty sum sync tac tail tee test timeout touch tr true truncate tsort tty uname
  unexpand uniq unlink users vdir wc who whoami yes

  grep egrep fgrep sed awk find xargs diff cmp
  tar gzip gunzip zcat bzip2 bunzip2 xz unxz xzcat
  which hostname getent getopt flock setpriv ldconfig nologin

  useradd userdel usermod groupadd groupdel groupmod addgroup adduser
`);

/** Configuration files of the commands above. */
export const TOOL_FILES = ['/etc/login.defs', '/etc/default/useradd'];

/** Paths of the certificate bundle in several distributions; those that exist are copied. */
export const CERTIFICATES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/** Libraries that glibc loads by name when it looks up users and hosts; newer ones have them built in. */
export const NAME_SERVICE_LIBRARIES = ['libnss_files.so.2', 'libnss_dns.so.2', 'libresolv.so.2'];

/** Parts of glibc that are in libc.so.6 since 2.34, by which addons compiled before still ask for them. */
export const OLD_GLIBC_LIBRARIES = ['libdl.so.2', 'libpthread.so.0', 'librt.so.1', 'libutil.so.1'];

function words(text: string): string[] {
  return text.split(/\s+/).filter(Boolean);
}
