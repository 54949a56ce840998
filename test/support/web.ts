import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Whether tests with repositories can run here. */
export const hasGit = spawnSync('git', ['http-backend'], { stdio: 'ignore' }).error === undefined;

/** What a path of the server answers with. */
export interface Page {
  body: string | Buffer;
  headers?: Record<string, string>;
  status?: number;
}

/** A web server on the loopback interface, with pages that tests set, and git repositories of a folder. */
export class Web {
  readonly pages = new Map<string, Page>();
  /** `GET /path 200`, in order. */
  readonly log: string[] = [];
  /** `user:password` that every request must have; what they had is noted. */
  login: string | undefined;
  /** The whole `Authorization` header that every request must have, instead. */
  authorization: string | undefined;
  readonly logins: string[] = [];

  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  /** @param repositories folder whose repositories are served under `/git/` */
  static async start(repositories?: string): Promise<Web> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const web = new Web(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    server.on('request', (request, response) => {
      response.on('finish', () => web.log.push(`${request.method} ${request.url} ${response.statusCode}`));
      const { authorization } = request.headers;
      if (authorization !== undefined) web.logins.push(authorization);
      const { login } = web;
      const wanted = web.authorization ?? (login && `Basic ${Buffer.from(login).toString('base64')}`);
      if (wanted !== undefined && authorization !== wanted)
        response.writeHead(401, { 'www-authenticate': 'Basic realm=x' }).end();
      else if (request.url!.startsWith('/git/') && repositories !== undefined)
        serveGit(repositories, request, response);
      else web.answer(request, response);
    });
    return web;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const page = this.pages.get(request.url!);
    if (page === undefined) {
      response.writeHead(404).end('no such page');
      return;
    }
    const { body, headers = {}, status = 200 } = page;
    const same =
      (headers['etag'] !== undefined && request.headers['if-none-match'] === headers['etag']) ||
      (headers['last-modified'] !== undefined &&
        request.headers['if-modified-since'] === headers['last-modified']);
    if (same) response.writeHead(304).end();
    else response.writeHead(status, headers).end(body);
  }
}

/** git's own program for this, as a web server starts it. */
function serveGit(folder: string, request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url!, 'http://localhost');
  const child = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env['PATH'],
      GIT_PROJECT_ROOT: folder,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: url.pathname.slice('/git'.length),
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
      GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  request.pipe(child.stdin);
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.on('close', () => {
    const all = Buffer.concat(chunks);
    const end = all.indexOf('\r\n\r\n');
    let status = 200;
    for (const line of all.toString('latin1', 0, end).split('\r\n')) {
      const [name = '', value = ''] = line.split(/: (.*)/s);
      if (name.toLowerCase() === 'status') status = Number.parseInt(value, 10);
      else if (name !== '') response.setHeader(name, value);
    }
    response.writeHead(status).end(all.subarray(end + 4));
  });
}

/** Makes a folder a repository, whose branch `main` has one commit of all its files. */
export function commitAll(folder: string, message = 'one'): void {
  git(folder, 'init', '-q', '-b', 'main');
  git(folder, 'add', '-A');
  git(folder, 'commit', '-q', '-m', message);
}

/** Runs git in a folder, with an author and times that do not depend on the machine. */
export function git(folder: string, ...args: string[]): string {
  return execFileSync('git', ['-C', folder, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      HOME: folder,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_AUTHOR_NAME: 'a',
      GIT_AUTHOR_EMAIL: 'a@example.com',
      GIT_COMMITTER_NAME: 'a',
      GIT_COMMITTER_EMAIL: 'a@example.com',
      GIT_AUTHOR_DATE: '1600000000 +0000',
      GIT_COMMITTER_DATE: '1600000000 +0000',
    },
  }).trim();
}
