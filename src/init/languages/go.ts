import { execForm } from '../../dockerfile/json-form.ts';
import { EXIT, JettisonError } from '../../errors/error.ts';
import { copyText, runText } from '../dockerfile-text.ts';
import { healthRoute, listeningPort } from '../health-route.ts';
import { type BaseFamily, type Recipe, type RecipeOptions, step } from '../image-recipe.ts';
import type { ProjectFiles } from '../project-files.ts';

const RUNTIMES: Record<Exclude<BaseFamily, 'host'>, string> = {
  distroless: 'gcr.io/distroless/static-debian12',
  alpine: 'alpine:3.22',
  slim: 'debian:bookworm-slim',
};
const CACHES = ['type=cache,target=/go/pkg/mod', 'type=cache,target=/root/.cache/go-build'];
const DEFAULT_PORT = 8080;

/** A Go module: one static program on a base without anything else. @throws JettisonError `INIT_…` */
export function goRecipe(files: ProjectFiles, options: RecipeOptions): Recipe | undefined {
  const module = files.text('go.mod');
  if (module === undefined) return undefined;
  const version = /^go\s+(\d+\.\d+)/m.exec(module)?.[1] ?? '1.25';
  const sources = files.paths.filter((path) => path.endsWith('.go') && !path.endsWith('_test.go'));
  const usesC = sources.some((path) => /^import\s+"C"|^\s+"C"$/m.test(files.text(path) ?? ''));
  const family = options.base ?? (usesC ? 'slim' : 'distroless');
  if (family === 'host') {
    throw new JettisonError('INIT_BASE', '--base host has Node, and no Go', {
      exitCode: EXIT.usage,
      hint: 'Use --base distroless, alpine or slim.',
    });
  }
  if (usesC && family !== 'slim') {
    throw new JettisonError('INIT_BASE', `the program uses cgo, so it does not run on --base ${family}`, {
      exitCode: EXIT.usage,
      hint: 'Use --base slim, whose C library is that of the compiler.',
    });
  }
  const program = mainPackage(files, options.app);
  const isServer = sources.some((path) =>
    /ListenAndServe|\.Listen\(|gin\.|echo\.New|fiber\.New/.test(files.text(path) ?? ''),
  );
  const port = listeningPort(files, '') ?? (isServer ? DEFAULT_PORT : undefined);
  const health = healthRoute(files, '');
  const sums = ['go.mod', 'go.sum'].filter((path) => files.has(path));
  const user = family === 'distroless' ? '65532:65532' : '65534:65534';
  return {
    description: `Go ${version}, ${program === '.' ? 'one program' : program}`,
    args: [step(`ARG GO_VERSION=${version}`, 'The version: go.mod.')],
    stages: [
      {
        comment: 'the compiler, on the platform of the builder',
        from: `golang:\${GO_VERSION}${usesC ? '-bookworm' : '-alpine'}`,
        name: 'build',
        steps: [
          step('WORKDIR /src'),
          step(copyText(sums, './'), 'Modules first: an edit of a source does not fetch them again.'),
          step(runText(CACHES.slice(0, 1), 'go mod download')),
          step('COPY . .'),
          step(
            runText(
              CACHES,
              `CGO_ENABLED=${usesC ? 1 : 0} go build -trimpath -ldflags="-s -w" -o /out/app ${program}`,
            ),
            usesC
              ? 'Without symbols and paths of the builder; cgo needs the C library of the image.'
              : 'A static program, without symbols and paths of the builder.',
          ),
        ],
      },
      {
        comment: usesC
          ? 'glibc, and little else'
          : `the program alone, on ${family === 'distroless' ? 'certificates, time zones and accounts' : RUNTIMES[family]}`,
        from: RUNTIMES[family],
        name: 'production',
        steps: [
          ...(family === 'distroless'
            ? []
            : [
                step(
                  'COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/',
                  'For connections that the program opens.',
                ),
              ]),
          step('COPY --from=build /out/app /app'),
          ...(port === undefined ? [] : [step(`ENV PORT=${port}`)]),
          step(`USER ${user}`, 'A number, not a name: an orchestrator sees that it is not root.'),
          ...(port === undefined ? [] : [step(`EXPOSE ${port}`)]),
          step(`ENTRYPOINT ${execForm(['/app'])}`, 'Exec form: signals reach the program.'),
        ],
      },
    ],
    ignored: ['bin', '**/*_test.go', '**/testdata'],
    ...(port === undefined ? {} : { port }),
    ...(health === undefined ? {} : { health }),
    hostBases: [],
    notes:
      port === undefined
        ? []
        : [
            health === undefined
              ? 'No route for a health check was found (/healthz, /health …).'
              : `The image has no program to ask ${health} with: let the orchestrator do it.`,
          ],
  };
}

/** The package of the program, as `go build` wants it. */
function mainPackage(files: ProjectFiles, app: string | undefined): string {
  const folders = new Set(
    files.paths
      .filter((path) => path.endsWith('.go') && /^package main\b/m.test(files.text(path) ?? ''))
      .map((path) => (path.includes('/') ? `./${path.slice(0, path.lastIndexOf('/'))}` : '.')),
  );
  const found = [...folders].filter(
    (folder) => app === undefined || folder === app || folder.split('/').at(-1) === app,
  );
  if (found.length === 1) return found[0]!;
  if (app === undefined && folders.has('.')) return '.';
  throw new JettisonError(
    'INIT_APP',
    found.length === 0 ? 'no package main was found' : 'several programs could be shipped',
    {
      exitCode: EXIT.usage,
      hint:
        folders.size === 0
          ? 'Init writes images of programs.'
          : `Choose one with --app: ${[...folders].join(', ')}.`,
    },
  );
}
