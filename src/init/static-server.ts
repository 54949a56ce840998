import { execForm } from '../dockerfile/json-form.ts';
import { copyText } from './dockerfile-text.ts';
import type { BaseFamily, RecipeOptions, Stage, Step } from './image-recipe.ts';
import { step } from './image-recipe.ts';

/** Files of an image that a web server sends. */
export interface StaticFiles {
  /** Stage or undefined for the context, and the folder there. */
  from: string | undefined;
  folder: string;
  isSinglePage: boolean;
}

const PORT = 8080;

/** The last stage of a site: a web server without root's rights, on a port that needs none. */
export function staticStage(
  files: StaticFiles,
  family: BaseFamily,
  options: Pick<RecipeOptions, 'staticServer'>,
  nodeRuntime: { image: string; program: string[]; user: string },
): { stage: Stage; port: number; health: string } {
  const stage =
    family === 'host' || family === 'distroless'
      ? nodeStage(files, nodeRuntime)
      : options.staticServer === 'caddy'
        ? caddyStage(files)
        : nginxStage(files);
  return { stage, port: PORT, health: '/' };
}

/** A health check by the wget of busybox. @param startSeconds how long the program may take to answer */
export function wgetHealthcheck(url: string, startSeconds = 5): Step {
  return step(
    `HEALTHCHECK --interval=30s --timeout=3s --start-period=${startSeconds}s \\\n    CMD ${execForm(['wget', '-q', '-O', '/dev/null', url])}`,
    "wget is in the image's busybox.",
  );
}

function nginxStage({ from, folder, isSinglePage }: StaticFiles): Stage {
  const fallback = isSinglePage ? '/index.html' : '=404';
  return {
    comment: 'nginx sends the files; nothing of Node is in the image.',
    from: 'nginxinc/nginx-unprivileged:stable-alpine',
    name: 'production',
    steps: [
      step(
        `COPY <<'EOF' /etc/nginx/conf.d/default.conf
server {
    listen ${PORT};
    root /usr/share/nginx/html;
    gzip on;
    gzip_types text/css application/javascript application/json image/svg+xml;
    location / {
        try_files $uri $uri/ $uri.html ${fallback};
    }
}
EOF`,
        isSinglePage
          ? 'Paths that are not files get index.html: the application routes in the browser.'
          : 'Paths without an ending find their .html file.',
      ),
      step(
        copyText([folder], '/usr/share/nginx/html', from),
        'Owned by root: the server cannot change them.',
      ),
      step('USER 101:101', 'The account nginx, as a number: an orchestrator sees that it is not root.'),
      step(`EXPOSE ${PORT}`),
      wgetHealthcheck(`http://127.0.0.1:${PORT}/`),
    ],
  };
}

function caddyStage({ from, folder, isSinglePage }: StaticFiles): Stage {
  const tries = isSinglePage ? '{path} /index.html' : '{path} {path}/ {path}.html';
  return {
    comment: 'Caddy sends the files; nothing of Node is in the image.',
    from: 'caddy:2-alpine',
    name: 'production',
    steps: [
      step(
        `COPY <<'EOF' /etc/caddy/Caddyfile
{
    admin off
    auto_https off
}
:${PORT} {
    root * /srv
    encode zstd gzip
    try_files ${tries}
    file_server
}
EOF`,
        'TLS ends before the container: plain HTTP, on a port that needs no rights.',
      ),
      step(copyText([folder], '/srv', from), 'Owned by root: the server cannot change them.'),
      step('USER 1000:1000', 'A number: an orchestrator sees that it is not root.'),
      step(`EXPOSE ${PORT}`),
      wgetHealthcheck(`http://127.0.0.1:${PORT}/`),
    ],
  };
}

/** Where no image of a web server is at hand: a server of Node's own modules. */
function nodeStage(
  { from, folder, isSinglePage }: StaticFiles,
  { image, program, user }: { image: string; program: string[]; user: string },
): Stage {
  return {
    comment: 'a small server of Node sends the files: this base has no web server.',
    from: image,
    name: 'production',
    steps: [
      step(
        `COPY <<'EOF' /srv/server.mjs
import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';

const types = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.mjs': 'text/javascript',
  '.css': 'text/css', '.json': 'application/json', '.svg': 'image/svg+xml', '.png': 'image/png',
  '.jpg': 'image/jpeg', '.webp': 'image/webp', '.ico': 'image/x-icon', '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8', '.xml': 'application/xml', '.wasm': 'application/wasm' };
const isFile = (path) => statSync(path, { throwIfNoEntry: false })?.isFile();
const server = createServer((request, response) => {
  let path;
  try {
    path = normalize(decodeURIComponent(new URL(request.url, 'http://localhost').pathname));
  } catch {
    return response.writeHead(400).end();
  }
  const names = [path, join(path, 'index.html'), path + '.html'${isSinglePage ? ", '/index.html'" : ''}];
  const file = names.map((name) => join('/srv/files', name)).find(isFile);
  if (file === undefined) return response.writeHead(404).end('not found');
  response.writeHead(200, { 'content-type': types[extname(file)] ?? 'application/octet-stream' });
  if (request.method === 'HEAD') return response.end();
  createReadStream(file).on('error', () => response.destroy()).pipe(response);
});
server.listen(${PORT});
process.on('SIGTERM', () => server.close(() => process.exit(0)).closeAllConnections());
EOF`,
        isSinglePage
          ? 'Paths that are not files get index.html: the application routes in the browser.'
          : 'Paths without an ending find their .html file.',
      ),
      step(copyText([folder], '/srv/files', from), 'Owned by root: the server cannot change them.'),
      step(`USER ${user}`, 'A number: an orchestrator sees that it is not root.'),
      step(`EXPOSE ${PORT}`),
      nodeHealthcheck(program, `http://127.0.0.1:${PORT}/`),
      step(`CMD ${execForm([...program, '/srv/server.mjs'])}`, 'Exec form: signals reach the server.'),
    ],
  };
}

/** A health check by Node itself: it needs neither a shell nor curl. @param url of JavaScript: text or an expression */
export function nodeHealthcheck(program: readonly string[], url: string, port?: number) {
  const target = port === undefined ? `'${url}'` : `'http://127.0.0.1:'+(process.env.PORT||${port})+'${url}'`;
  const source = `fetch(${target}).then(r=>process.exit(r.ok?0:1),()=>process.exit(1))`;
  const args = execForm([...(program.length === 0 ? ['/nodejs/bin/node'] : program), '-e', source]);
  return step(
    `HEALTHCHECK --interval=30s --timeout=3s --start-period=10s \\\n    CMD ${args}`,
    'Node asks by itself: the image needs no shell and no curl.',
  );
}
