import type { ProjectFiles } from './project-files.ts';

const SOURCE = /\.(m?[jt]sx?|c[jt]s|py|go|java|kt)$/;
const TEST =
  /(^|\/)(tests?|__tests__|spec|e2e|fixtures|cypress)\/|\.(test|spec|d)\.[a-z]+$|_test\.go$|(^|\/)test_[^/]*\.py$/;
/** Routes in the order in which they are preferred. */
const NAMES = ['healthz', 'health', 'livez', 'readyz', 'health-check', 'healthcheck', '_health', 'ping'];
const ALL = NAMES.join('|');
/** A route that a source names: `'/health'`, `"/api/healthz"`. */
const QUOTED = new RegExp(`(['"\`])(/(?:(?:api|v\\d+)/){0,2}(?:${ALL}))/?\\1`, 'g');
/** NestJS: `@Controller('health')`, and `@Get('live')` of its methods; without a text its own path. */
const DECORATOR = /@(Controller|Get)\(\s*(?:(['"`])([^'"`]*)\2\s*)?([^)]?)/g;
const DECORATED = new RegExp(`^/(?:[\\w-]+/){0,3}(?:${ALL})(?:/(?:live|liveness|ready|readiness))?$`);
/** NestJS: what all routes begin with, and those that do not. */
const GLOBAL_PREFIX = /\.setGlobalPrefix\(\s*(['"`])([^'"`]+)\1(?:\s*,\s*\{[^}]*exclude:\s*\[([^\]]*)\])?/;
/** Go 1.22 patterns: `"GET /health"`. */
const METHOD = new RegExp(`"GET (/(?:(?:api|v\\d+)/){0,2}(?:${ALL}))"`, 'g');
/** Frameworks whose files are routes. */
const FILES = [
  new RegExp(`^(?:src/)?app((?:/api)?/(?:${ALL}))/route\\.[jt]s$`),
  new RegExp(`^(?:src/)?pages(/api/(?:${ALL}))\\.[jt]s$`),
  new RegExp(`^src/pages((?:/api)?/(?:${ALL}))\\.[jt]s$`),
  new RegExp(`^server(/api/(?:${ALL}))(?:\\.get)?\\.[jt]s$`),
  new RegExp(`^server/routes(/(?:${ALL}))(?:\\.get)?\\.[jt]s$`),
  new RegExp(`^src/routes((?:/api)?/(?:${ALL}))/\\+(?:server|page)\\.(?:[jt]s|svelte)$`),
  new RegExp(`^app/routes(/(?:${ALL}))\\.[jt]sx?$`),
];
const MOST_SOURCES = 400;

/** A route of a service that says that it is well, if its sources have one. @param folder of the service */
export function healthRoute(files: ProjectFiles, folder: string): string | undefined {
  const prefix = folder === '' ? '' : `${folder}/`;
  const own = files.paths.filter((path) => path.startsWith(prefix)).map((path) => path.slice(prefix.length));
  const found = new Set<string>();
  for (const path of own) {
    for (const pattern of FILES) {
      const route = pattern.exec(path)?.[1];
      if (route !== undefined) found.add(route);
    }
  }
  const texts = own
    .filter((one) => SOURCE.test(one) && !TEST.test(one))
    .slice(0, MOST_SOURCES)
    .map((path) => files.text(prefix + path) ?? '');
  for (const text of texts) {
    // What decorators say counts with what it stands in.
    const plain = text.replace(DECORATOR, '').replace(GLOBAL_PREFIX, '');
    for (const [, , route] of plain.matchAll(QUOTED)) found.add(route!);
    for (const [, route] of plain.matchAll(METHOD)) found.add(route!);
  }
  const [, , start = '', excluded = ''] =
    texts.map((text) => GLOBAL_PREFIX.exec(text)).find((match) => match !== null) ?? [];
  for (const route of texts.flatMap(decoratedRoutes)) {
    const isExcluded = excluded.includes(route.slice(1));
    found.add(isExcluded || start === '' ? route : `/${start.replace(/^\/|\/$/g, '')}${route}`);
  }
  const rank = (route: string) => NAMES.findIndex((name) => route.split('/').includes(name));
  return [...found].sort((a, b) => rank(a) - rank(b) || a.length - b.length || (a < b ? -1 : 1))[0];
}

/** The routes of NestJS's controllers that are about health, without the prefix of all routes. */
function decoratedRoutes(text: string): string[] {
  const routes: string[] = [];
  let controller: string | undefined;
  for (const [, kind, , path, other] of text.matchAll(DECORATOR)) {
    // An object or a variable: its path is unknown.
    const own = path ?? (other === '' ? '' : undefined);
    if (kind === 'Controller') controller = own;
    else if (controller !== undefined && own !== undefined) {
      const route = `/${[controller, own]
        .flatMap((part) => part.split('/'))
        .filter(Boolean)
        .join('/')}`;
      if (DECORATED.test(route)) routes.push(route);
    }
  }
  return routes;
}

const LISTENS = [
  /\.listen\(\s*(?:\{\s*port:\s*)?(?:Number\()?(\d{2,5})\b/,
  /PORT['"\]]{0,2}\)?\s*(?:\|\||\?\?)\s*['"]?(\d{2,5})\b/,
  /\bport\s*[:=]\s*(\d{2,5})\b/i,
  /ListenAndServe\(\s*"[^"]*:(\d{2,5})"/,
];

/** The port that a service's sources name; undefined if none does. */
export function listeningPort(files: ProjectFiles, folder: string): number | undefined {
  const prefix = folder === '' ? '' : `${folder}/`;
  const sources = files.paths
    .filter(
      (path) => path.startsWith(prefix) && SOURCE.test(path) && !TEST.test(path) && !/config\./.test(path),
    )
    .slice(0, MOST_SOURCES);
  for (const pattern of LISTENS) {
    for (const path of sources) {
      const port = Number(pattern.exec(files.text(path) ?? '')?.[1]);
      if (port > 0 && port < 65_536) return port;
    }
  }
  return undefined;
}
