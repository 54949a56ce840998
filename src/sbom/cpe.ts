/** CPE `vendor:product` of programs and libraries that were not installed by a package manager. */
const PRODUCTS: Record<string, string> = {
  ares: 'c-ares:c-ares',
  bash: 'gnu:bash',
  brotli: 'google:brotli',
  busybox: 'busybox:busybox',
  'c-ares': 'c-ares:c-ares',
  curl: 'haxx:curl',
  deno: 'deno:deno',
  git: 'git-scm:git',
  glibc: 'gnu:glibc',
  haproxy: 'haproxy:haproxy',
  httpd: 'apache:http_server',
  libuv: 'libuv:libuv',
  llhttp: 'llhttp:llhttp',
  musl: 'musl-libc:musl',
  nghttp2: 'nghttp2:nghttp2',
  nginx: 'f5:nginx',
  node: 'nodejs:node.js',
  openresty: 'openresty:openresty',
  openssl: 'openssl:openssl',
  perl: 'perl:perl',
  php: 'php:php',
  postgresql: 'postgresql:postgresql',
  python: 'python:python',
  redis: 'redis:redis',
  sqlite: 'sqlite:sqlite',
  undici: 'nodejs:undici',
  v8: 'google:v8',
  valkey: 'lfprojects:valkey',
  zlib: 'zlib:zlib',
  zstd: 'facebook:zstandard',
};

/** @returns a CPE 2.3 formatted string; undefined for a package without a known CPE */
export function cpeOf(type: string, name: string, version: string): string | undefined {
  const product = type === 'generic' && Object.hasOwn(PRODUCTS, name) ? PRODUCTS[name] : undefined;
  // `1.3.1-470d3a2`, `3.0.19+quic`: the suffix is the packager's.
  const [upstream] = /^\d+(?:\.\d+)*[a-z]?(?![a-z])/.exec(version) ?? [];
  if (product === undefined || upstream === undefined) return undefined;
  return `cpe:2.3:a:${product}:${upstream}:*:*:*:*:*:*:*`;
}
