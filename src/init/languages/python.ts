import { parse } from 'smol-toml';
import { execForm } from '../../dockerfile/json-form.ts';
import { EXIT, JettisonError } from '../../errors/error.ts';
import { membersOf, textsOf } from '../../fields/json-values.ts';
import { copyText, runText } from '../dockerfile-text.ts';
import { healthRoute, listeningPort } from '../health-route.ts';
import { type Recipe, type RecipeOptions, type Step, step } from '../image-recipe.ts';
import type { ProjectFiles } from '../project-files.ts';

const DEFAULT_VERSION = '3.13';
const PORT = 8000;

interface Installer {
  title: string;
  files: string[];
  cache: string;
  setUp?: string;
  command: string;
}

/** A Python application: its packages in a virtual environment that the last stage copies. @throws JettisonError `INIT_…` */
export function pythonRecipe(files: ProjectFiles, options: RecipeOptions): Recipe | undefined {
  const isPython = ['requirements.txt', 'pyproject.toml', 'manage.py'].some((path) => files.has(path));
  if (!isPython) return undefined;
  const family = options.base ?? 'slim';
  if (family === 'host' || family === 'distroless') {
    throw new JettisonError('INIT_BASE', `--base ${family} has no Python of the version that the build has`, {
      exitCode: EXIT.usage,
      hint: 'Use --base slim, or --base alpine if all packages have wheels for musl.',
    });
  }
  const version = pythonVersion(files);
  const installer = installerOf(files);
  const packages = packagesOf(files);
  const { args, isServer, notes } = startOf(files, packages);
  const port = isServer ? PORT : listeningPort(files, '');
  const health = port === undefined ? undefined : healthRoute(files, '');
  return {
    description: `Python ${version}, ${installer.title}`,
    args: [
      step(
        `ARG PYTHON_VERSION=${version}`,
        files.has('.python-version')
          ? 'The version: .python-version.'
          : 'The version: what the project asks for, else the newest.',
      ),
    ],
    stages: [
      {
        comment:
          options.base === undefined
            ? 'slim fits wheels of PyPI: most are for glibc'
            : `as chosen by --base ${family}`,
        from: `python:\${PYTHON_VERSION}-${family}`,
        name: 'base',
        steps: [
          step('WORKDIR /app'),
          step(
            'ENV PATH=/opt/venv/bin:$PATH \\\n    PYTHONUNBUFFERED=1 \\\n    PYTHONDONTWRITEBYTECODE=1',
            'Output is not held back, and nothing is written beside the sources.',
          ),
        ],
      },
      {
        comment: 'the packages, in a virtual environment',
        from: 'base',
        name: 'deps',
        steps: [
          ...(installer.setUp === undefined
            ? []
            : [step(runText(['type=cache,target=/root/.cache/pip'], installer.setUp))]),
          step('RUN python -m venv /opt/venv'),
          step(
            copyText(installer.files, './'),
            'Only what the installation reads: an edit of a source does not repeat it.',
          ),
          step(
            runText(
              [
                'type=secret,id=pip,target=/root/.config/pip/pip.conf',
                `type=cache,target=${installer.cache}`,
              ],
              installer.command,
            ),
            'Downloads stay in a cache mount. Private index: --secret id=pip,src=$HOME/.config/pip/pip.conf',
          ),
        ],
      },
      {
        comment: 'the image: the last stage, and only what it copies',
        from: 'base',
        name: 'production',
        steps: [
          step('COPY --from=deps /opt/venv /opt/venv', 'First what changes least.'),
          step('COPY . .'),
          ...(port === undefined ? [] : [step(`ENV PORT=${port}`)]),
          step('USER 1000:1000', 'A number, not a name: an orchestrator sees that it is not root.'),
          ...(port === undefined ? [] : [step(`EXPOSE ${port}`)]),
          ...(health === undefined ? [] : [healthcheck(port!, health)]),
          step(`CMD ${execForm(args)}`, 'Exec form: signals reach the program.'),
        ],
      },
    ],
    ignored: [
      '**/__pycache__',
      '**/*.pyc',
      '.venv',
      'venv',
      '.pytest_cache',
      '.mypy_cache',
      '.ruff_cache',
      'tests',
    ],
    ...(port === undefined ? {} : { port }),
    ...(health === undefined ? {} : { health }),
    hostBases: [],
    notes: [
      ...notes,
      ...(port !== undefined && health === undefined
        ? ['No route for a health check was found (/healthz, /health …): the image has none.']
        : []),
    ],
  };
}

function healthcheck(port: number, path: string): Step {
  const source = `import urllib.request as r; r.urlopen('http://127.0.0.1:${port}${path}', timeout=3)`;
  return step(
    `HEALTHCHECK --interval=30s --timeout=5s --start-period=10s \\\n    CMD ${execForm(['python', '-c', source])}`,
    'Python asks by itself: the image needs no curl.',
  );
}

function installerOf(files: ProjectFiles): Installer {
  const project = files.has('pyproject.toml');
  if (files.has('uv.lock')) {
    return {
      title: 'uv',
      files: ['pyproject.toml', 'uv.lock'],
      cache: '/root/.cache/uv',
      setUp: 'pip install uv',
      command:
        'UV_PROJECT_ENVIRONMENT=/opt/venv UV_LINK_MODE=copy uv sync --frozen --no-dev --no-install-project',
    };
  }
  if (files.has('poetry.lock')) {
    return {
      title: 'Poetry',
      files: ['pyproject.toml', 'poetry.lock'],
      cache: '/root/.cache/pypoetry',
      setUp: 'pip install poetry',
      command: 'VIRTUAL_ENV=/opt/venv poetry install --only main --no-root --no-interaction',
    };
  }
  if (files.has('requirements.txt')) {
    return {
      title: 'pip',
      files: ['requirements.txt'],
      cache: '/root/.cache/pip',
      command: '/opt/venv/bin/pip install -r requirements.txt',
    };
  }
  if (!project || packagesOf(files).length === 0) {
    throw new JettisonError('INIT_START', 'the project names no packages to install', {
      hint: 'Write them to requirements.txt: pip freeze > requirements.txt.',
    });
  }
  throw new JettisonError('INIT_MANAGER', 'pyproject.toml has no lock file beside it', {
    hint: 'Make one with `uv lock` or `poetry lock`, or write requirements.txt.',
  });
}

function pythonVersion(files: ProjectFiles): string {
  const named = /^\s*(\d+\.\d+(?:\.\d+)?)/.exec(files.text('.python-version') ?? '')?.[1];
  const asked = /requires-python\s*=\s*["'](?:==|~=)?\s*(\d+\.\d+)/.exec(
    files.text('pyproject.toml') ?? '',
  )?.[1];
  return named ?? asked ?? DEFAULT_VERSION;
}

/** Names of the packages that the project asks for, in lower case. */
function packagesOf(files: ProjectFiles): string[] {
  const lines = (files.text('requirements.txt') ?? '').split('\n');
  const text = files.text('pyproject.toml');
  if (text !== undefined) {
    let toml: unknown;
    try {
      toml = parse(text);
    } catch (error) {
      throw new JettisonError('INIT_FILE', `pyproject.toml is not TOML: ${(error as Error).message}`);
    }
    const { project, tool } = membersOf(toml);
    const { poetry } = membersOf(tool);
    lines.push(...textsOf(membersOf(project)['dependencies']));
    lines.push(...Object.keys(membersOf(membersOf(poetry)['dependencies'])));
  }
  return lines.flatMap((line) => /^\s*([A-Za-z0-9][\w.-]*)/.exec(line)?.[1]?.toLowerCase() ?? []);
}

interface Start {
  args: string[];
  isServer: boolean;
  notes: string[];
}

/** The command that starts the application: a server that is among its packages. */
function startOf(files: ProjectFiles, packages: readonly string[]): Start {
  const has = (name: string) => packages.includes(name) || packages.some((one) => one.startsWith(`${name}[`));
  const settings = files.paths.find((path) => /(^|\/)wsgi\.py$/.test(path));
  if (files.has('manage.py') && settings !== undefined) {
    const module = `${settings.replace(/\.py$/, '').replaceAll('/', '.')}:application`;
    if (has('gunicorn')) return server(['gunicorn', '--bind', `0.0.0.0:${PORT}`, module]);
    throw new JettisonError('INIT_START', "Django's own server is for development", {
      hint: 'Add gunicorn to the packages.',
    });
  }
  const app = applicationOf(files);
  if (app !== undefined) {
    const { module, isAsync } = app;
    if (isAsync && has('uvicorn'))
      return server(['uvicorn', '--host', '0.0.0.0', '--port', `${PORT}`, module]);
    if (isAsync && has('fastapi'))
      return server(['python', '-m', 'uvicorn', '--host', '0.0.0.0', '--port', `${PORT}`, module]);
    if (has('gunicorn')) return server(['gunicorn', '--bind', `0.0.0.0:${PORT}`, module]);
    if (has('flask')) {
      return {
        ...server(['flask', '--app', module, 'run', '--host', '0.0.0.0', '--port', `${PORT}`]),
        notes: ["Flask's own server is for development: add gunicorn to the packages."],
      };
    }
  }
  const file = ['main.py', 'app.py', 'server.py', 'src/main.py'].find((path) => files.has(path));
  if (file !== undefined) return { args: ['python', file], isServer: false, notes: [] };
  throw new JettisonError('INIT_START', 'no program to start was found', {
    hint: 'Init looks for an application of FastAPI, Flask or Django, and for main.py or app.py.',
  });
}

function server(args: string[]): Start {
  return { args, isServer: true, notes: [] };
}

function applicationOf(files: ProjectFiles): { module: string; isAsync: boolean } | undefined {
  for (const path of files.paths.filter((one) => one.endsWith('.py') && !/(^|\/)tests?[/_]/.test(one))) {
    const [, name, kind] =
      /^(\w+)\s*(?::\s*\w+\s*)?=\s*(FastAPI|Flask|Starlette|Quart)\(/m.exec(files.text(path) ?? '') ?? [];
    if (name === undefined) continue;
    const module = path
      .replace(/\.py$/, '')
      .replace(/\/__init__$/, '')
      .replaceAll('/', '.');
    return { module: `${module}:${name}`, isAsync: kind !== 'Flask' };
  }
  return undefined;
}
