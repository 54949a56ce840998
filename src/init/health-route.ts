import type { ProjectFiles } from './project-files.ts';

const SOURCE = /\.(m?[jt]sx?|c[jt]s|py|go|java|kt)$/;
const TEST =
  /(^|\/)(tests?|__tests__|spec|e2e|fixtures|cypress)\/|\.(test|spec|d)\.[a-z]+$|_test\.go$|(^|\/)test_[^/]*\.py$/;
/** Routes in the order in which they are preferred. */
const NAMES = ['healthz', 'health', 'livez', 'readyz', 'health-check', 'healthcheck', '_health', 'ping'];
const ALL = NAMES.join('|');
/** A route that a source names: `'/health'`, `"/api/healthz"`. */
const QUOTED = new RegExp(`(['"\`])(/(?:(?:api|v\\d+)/){0,2}(?:${ALL}))/?\\1`, 'g');
/** NestJS: `@Controller('health')`. */
const CONTROLLER = new RegExp(`@Controller\\(\\s*(['"\`])/?(${ALL})\\1`, 'g');
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
  for (const path of own.filter((one) => SOURCE.test(one) && !TEST.test(one)).slice(0, MOST_SOURCES)) {
    const text = files.text(prefix + path) ?? '';
    for (const [, , route] of text.matchAll(QUOTED)) found.add(route!);
    for (const [, , name] of text.matchAll(CONTROLLER)) found.add(`/${name}`);
    for (const [, route] of text.matchAll(METHOD)) found.add(route!);
  }
  const rank = (route: string) => NAMES.findIndex((name) => route.endsWith(`/${name}`));
  return [...found].sort((a, b) => rank(a) - rank(b) || a.length - b.length || (a < b ? -1 : 1))[0];
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
