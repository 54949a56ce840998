import type { RecipeOptions } from '../../../src/init/image-recipe.ts';

/** A project folder as a table of its files, and properties of the Dockerfile that init writes for it. */
export interface Project {
  files: Record<string, string | object>;
  options?: Partial<RecipeOptions>;
  /** Of the description. */
  found: string;
  /** In the Dockerfile, each. */
  has: string[];
  hasNot?: string[];
  /** Beginnings of notes. */
  notes?: string[];
}

const npm = { 'package-lock.json': {} };
const pack = (more: object) => ({ name: 'shop', version: '1.0.0', ...more });
const express = { dependencies: { express: '4' } };
const start = { scripts: { start: 'node server.js' } };
const built = { scripts: { build: 'tsc', start: 'node dist/server.js' } };
const server = "app.get('/healthz', f); app.listen(process.env.PORT || 4000)";
const sveltekit = (adapter: string) => ({
  ...npm,
  'package.json': pack({
    scripts: { build: 'vite build' },
    devDependencies: { '@sveltejs/kit': '2', vite: '6' },
  }),
  'svelte.config.js': `import adapter from '@sveltejs/adapter-${adapter}';`,
});

/** Projects that init writes a Dockerfile for. */
export const PROJECTS: Record<string, Project> = {
  'Express with npm': {
    files: { ...npm, 'package.json': pack({ ...express, ...start }), 'server.js': server },
    found: 'Node, npm',
    has: ['npm ci --omit=dev', 'EXPOSE 4000', '/healthz', 'CMD ["node", "server.js"]', 'COPY . ./'],
    hasNot: ['AS build'],
  },
  'CRLF line ends and a byte order mark': {
    files: {
      ...npm,
      'package.json': `\uFEFF${JSON.stringify(pack({ ...express, ...start }), null, 2).replaceAll('\n', '\r\n')}`,
      'server.js': `${server}\r\n`,
    },
    found: 'Node, npm',
    has: ['CMD ["node", "server.js"]'],
    hasNot: ['\r'],
  },
  'no lock file': {
    files: { 'package.json': pack({ ...express, ...start }), 'server.js': server },
    found: 'Node, npm',
    has: ['npm install --omit=dev'],
    notes: ['There is no lock file'],
  },
  'Fastify with TypeScript and paths': {
    files: {
      ...npm,
      'package.json': pack({
        ...built,
        dependencies: { fastify: '5' },
        devDependencies: { typescript: '5' },
      }),
      'tsconfig.json': { compilerOptions: { outDir: 'dist', paths: { '@/*': ['./src/*'] } } },
      'src/server.ts': server,
      'views/a.html': '',
    },
    found: 'Node, TypeScript, npm',
    has: ['RUN npm run build', 'COPY --from=build /app/dist ./dist', 'COPY --from=build /app/views ./views'],
  },
  'Hono, modules only': {
    files: {
      ...npm,
      'package.json': pack({
        type: 'module',
        main: 'index.mjs',
        dependencies: { hono: '4', '@hono/node-server': '1' },
      }),
      'index.mjs': 'serve(app)',
    },
    found: 'Node, npm',
    has: ['EXPOSE 3000', 'CMD ["node", "index.mjs"]'],
  },
  'TypeScript run by tsx': {
    files: {
      ...npm,
      'package.json': pack({
        ...express,
        scripts: { start: 'tsx src/server.ts' },
        devDependencies: { tsx: '4' },
      }),
      'src/server.ts': server,
    },
    found: 'Node, npm',
    has: ['CMD ["node", "--import", "tsx", "src/server.ts"]', 'COPY --from=build /app/node_modules'],
    notes: ['The start script runs TypeScript with tsx'],
  },
  'Yarn 1': {
    files: {
      'yarn.lock': '# yarn lockfile v1',
      'package.json': pack({ ...express, ...start }),
      'server.js': server,
    },
    found: 'Yarn 1',
    has: ['--frozen-lockfile --production'],
  },
  'Yarn with node_modules': {
    files: {
      'yarn.lock': '__metadata:\n  version: 8',
      '.yarnrc.yml': 'nodeLinker: node-modules',
      'package.json': pack({ ...express, ...start, packageManager: 'yarn@4.5.0' }),
      'server.js': server,
    },
    found: 'Yarn 4',
    has: ['yarn workspaces focus --all --production', '@yarnpkg/cli-dist@4.5.0'],
  },
  "Yarn with Plug'n'Play": {
    files: {
      'yarn.lock': '__metadata:\n  version: 8',
      '.yarnrc.yml': 'enableTelemetry: false',
      'package.json': pack({ ...express, ...start, packageManager: 'yarn@4.5.0' }),
      'server.js': server,
    },
    found: "Plug'n'Play",
    has: ['"--require", "/app/.pnp.cjs"', 'COPY --from=deps /app/.yarn ./.yarn'],
    hasNot: ['node_modules ./node_modules'],
  },
  pnpm: {
    files: {
      'pnpm-lock.yaml': "lockfileVersion: '6.0'",
      'package.json': pack({ ...express, ...start }),
      'server.js': server,
    },
    found: 'pnpm 8',
    has: ['npm install --global pnpm@8', 'pnpm install --frozen-lockfile', '--prod'],
  },
  'Bun as a package manager': {
    files: { 'bun.lock': '', 'package.json': pack({ ...express, ...start }), 'server.js': server },
    found: 'Bun',
    has: ['bun install --frozen-lockfile --production'],
  },
  'Next.js, standalone': {
    files: {
      ...npm,
      'package.json': pack({ scripts: { build: 'next build' }, dependencies: { next: '15' } }),
      'next.config.mjs': "export default { output: 'standalone' }",
      'public/a.svg': '',
      'app/api/health/route.ts': '',
    },
    found: 'Next.js (standalone)',
    has: [
      '/app/.next/static ./.next/static',
      '/app/public ./public',
      '/api/health',
      'CMD ["node", "server.js"]',
    ],
    hasNot: ['AS deps'],
  },
  'Next.js, not standalone': {
    files: {
      ...npm,
      'package.json': pack({ scripts: { build: 'next build' }, dependencies: { next: '15' } }),
    },
    found: 'Next.js',
    has: ['node_modules/next/dist/bin/next', 'AS deps'],
    notes: ['With `output: "standalone"`'],
  },
  'Next.js, exported': {
    files: {
      ...npm,
      'package.json': pack({ scripts: { build: 'next build' }, dependencies: { next: '15' } }),
      'next.config.js': "module.exports = { output: 'export' }",
    },
    found: 'Next.js (export)',
    has: ['nginx', '/app/out '],
  },
  Nuxt: {
    files: {
      ...npm,
      'package.json': pack({
        scripts: { build: 'nuxt build', postinstall: 'nuxt prepare' },
        dependencies: { nuxt: '4' },
      }),
    },
    found: 'Nuxt',
    has: ['.output/server/index.mjs', 'npm pkg delete scripts.postinstall'],
  },
  Remix: {
    files: {
      ...npm,
      'package.json': pack({
        scripts: { build: 'remix vite:build', start: 'remix-serve ./build/server/index.js' },
        dependencies: { '@remix-run/node': '2', '@remix-run/serve': '2' },
      }),
    },
    found: 'Remix',
    has: ['@remix-run/serve/dist/cli.js'],
  },
  'React Router': {
    files: {
      ...npm,
      'package.json': pack({
        scripts: { build: 'react-router build', start: 'react-router-serve ./build/server/index.js' },
        dependencies: { '@react-router/serve': '7', '@react-router/node': '7' },
        devDependencies: { '@react-router/dev': '7', vite: '6' },
      }),
    },
    found: 'React Router',
    has: ['@react-router/serve/bin.cjs'],
  },
  'Astro, static': {
    files: {
      ...npm,
      'package.json': pack({ scripts: { build: 'astro build' }, dependencies: { astro: '5' } }),
    },
    found: 'Astro (static)',
    has: ['/app/dist /usr/share/nginx/html', '=404'],
  },
  'Astro with a server': {
    files: {
      ...npm,
      'package.json': pack({
        scripts: { build: 'astro build' },
        dependencies: { astro: '5', '@astrojs/node': '9' },
      }),
      'astro.config.mjs': "import node from '@astrojs/node'; // @astrojs/vercel",
    },
    found: 'Astro (Node adapter)',
    has: ['dist/server/entry.mjs', 'EXPOSE 4321'],
  },
  'SvelteKit with a server': {
    files: sveltekit('node'),
    found: 'SvelteKit (Node adapter)',
    has: ['build/index.js'],
  },
  'SvelteKit, static': {
    files: sveltekit('static'),
    found: 'SvelteKit (static adapter)',
    has: ['/app/build /usr/share'],
  },
  NestJS: {
    files: {
      ...npm,
      'package.json': pack({
        scripts: { build: 'nest build', start: 'nest start', 'start:prod': 'node dist/main' },
        dependencies: { '@nestjs/core': '11' },
        devDependencies: { typescript: '5' },
      }),
      'src/health.controller.ts': "@Controller('health') class Health { @Get() check() {} }",
      'src/main.ts': 'await app.listen(process.env.PORT ?? 3000);',
    },
    found: 'NestJS, TypeScript',
    has: ['CMD ["node", "dist/main.js"]', "'/health'"],
  },
  'Vite for nginx': {
    files: {
      ...npm,
      'package.json': pack({ scripts: { build: 'vite build' }, devDependencies: { vite: '6' } }),
    },
    found: 'Vite (single page)',
    has: ['try_files $uri $uri/ $uri.html /index.html', 'USER 101:101'],
  },
  'Vite for Caddy': {
    files: {
      ...npm,
      'package.json': pack({ scripts: { build: 'vite build' }, devDependencies: { vite: '6' } }),
    },
    options: { staticServer: 'caddy' },
    found: 'Vite',
    has: ['caddy:2-alpine', 'file_server'],
  },
  'Create React App on this machine': {
    files: {
      ...npm,
      'package.json': pack({
        scripts: { build: 'react-scripts build' },
        dependencies: { 'react-scripts': '5' },
      }),
    },
    options: { base: 'host' },
    found: 'Create React App',
    has: ['/srv/server.mjs', '/app/build /srv/files'],
  },
  Prisma: {
    files: {
      ...npm,
      'package.json': pack({
        ...start,
        dependencies: { express: '4', '@prisma/client': '6' },
        devDependencies: { prisma: '6' },
      }),
      'prisma/schema.prisma': 'generator client {\n  provider = "prisma-client-js"\n}',
      'server.js': server,
    },
    found: 'Node, npm',
    has: ['apk add --no-cache openssl', 'COPY prisma ./prisma'],
  },
  'canvas, which needs glibc': {
    files: { ...npm, 'package.json': pack({ ...start, dependencies: { canvas: '3' } }), 'server.js': server },
    found: 'Node, npm',
    has: ['node:${NODE_VERSION}-slim', 'slim fits canvas'],
  },
  puppeteer: {
    files: {
      ...npm,
      'package.json': pack({ ...start, dependencies: { puppeteer: '24' } }),
      'server.js': server,
    },
    found: 'Node, npm',
    has: ['PUPPETEER_SKIP_DOWNLOAD=true', 'chromium', 'apt-get install'],
  },
  'install scripts': {
    files: {
      ...npm,
      'package.json': pack({
        ...express,
        scripts: { start: 'node server.js', prepare: 'husky', postinstall: 'node scripts/post.js' },
      }),
      'scripts/post.js': '',
      'server.js': server,
    },
    found: 'Node, npm',
    has: ['npm pkg delete scripts.prepare &&', 'COPY scripts/post.js ./scripts/post.js'],
    hasNot: ['scripts.postinstall'],
  },
  'npm workspaces': {
    files: {
      ...npm,
      'package.json': pack({ workspaces: ['packages/*', 'apps/*'] }),
      'packages/lib/package.json': { name: '@shop/lib', main: 'dist/index.js', scripts: { build: 'tsc' } },
      'apps/api/package.json': {
        name: '@shop/api',
        ...start,
        dependencies: { express: '4', '@shop/lib': '*' },
      },
      'apps/api/server.js': server,
      'apps/web/package.json': {
        name: '@shop/web',
        scripts: { build: 'vite build' },
        devDependencies: { vite: '6' },
      },
    },
    options: { app: 'api' },
    found: '@shop/api in apps/api: Node',
    has: [
      '--workspace=@shop/api',
      'COPY apps/web/package.json ./apps/web/',
      'WORKDIR /app/apps/api',
      '/app/packages/lib/dist',
    ],
  },
  'pnpm workspaces with workspace:*': {
    files: {
      'pnpm-lock.yaml': "lockfileVersion: '9.0'",
      'pnpm-workspace.yaml': 'packages:\n  - "packages/*"\n  - "!packages/old"\n',
      'package.json': pack({}),
      'packages/lib/package.json': { name: 'lib', scripts: { build: 'tsc' } },
      'packages/api/package.json': { name: 'api', ...built, dependencies: { lib: 'workspace:*' } },
      'packages/old/package.json': { name: 'old', ...start },
    },
    found: 'api in packages/api: Node, pnpm 10',
    has: ['deploy --legacy', 'pnpm --filter=lib run build', 'COPY --from=build /out ./'],
    hasNot: ['packages/old'],
  },
  Go: {
    files: {
      'go.mod': 'module x\n\ngo 1.23\n',
      'go.sum': '',
      'cmd/api/main.go': 'package main\nvar _ = http.ListenAndServe(":9000", nil)',
    },
    found: 'Go 1.23',
    has: ['CGO_ENABLED=0', './cmd/api', 'EXPOSE 9000', 'distroless/static'],
  },
  'Python with FastAPI': {
    files: {
      'requirements.txt': 'fastapi\nuvicorn[standard]\n',
      'main.py': 'app = FastAPI()\n@app.get("/health")\ndef f(): ...',
    },
    found: 'pip',
    has: ['"uvicorn", "--host", "0.0.0.0"', '/health', 'main:app'],
  },
  'Python with uv': {
    files: {
      'uv.lock': '',
      'pyproject.toml':
        '[project]\nname = "x"\nrequires-python = ">=3.12"\ndependencies = ["flask", "gunicorn"]',
      'app.py': 'app = Flask(__name__)',
    },
    found: 'uv',
    has: ['uv sync --frozen', '"gunicorn", "--bind", "0.0.0.0:8000", "app:app"'],
  },
  'Java with Maven': {
    files: {
      'pom.xml':
        '<x>org.springframework.boot <java.version>17</java.version> spring-boot-starter-actuator</x>',
    },
    found: 'Java 17, Spring Boot, Maven',
    has: ['mvn --batch-mode package', '/actuator/health', 'jre-alpine'],
  },
  'a static site': {
    files: { 'public/index.html': '' },
    found: 'static files in public/',
    has: ['COPY public /usr/share/nginx/html'],
  },
};

/** Projects that end in an error: its code, and a part of its message or hint. */
export const REFUSED: Record<string, Pick<Project, 'files' | 'options'> & { code: string; says: string }> = {
  'nothing known': { files: { 'README.md': '' }, code: 'INIT_UNKNOWN', says: 'package.json' },
  'no start script': {
    files: { ...npm, 'package.json': pack({}) },
    code: 'INIT_START',
    says: 'start script',
  },
  'a start script for a shell': {
    files: { ...npm, 'package.json': pack({ scripts: { start: 'node a.js | tee log' } }) },
    code: 'INIT_START',
    says: 'needs a shell',
  },
  'a start file that nothing makes': {
    files: { ...npm, 'package.json': pack({ ...express, ...start }) },
    code: 'INIT_START',
    says: 'server.js',
  },
  'two lock files': {
    files: { ...npm, 'yarn.lock': '', 'package.json': pack({ ...express, ...start }) },
    code: 'INIT_MANAGER',
    says: 'package-lock.json',
  },
  'a package.json that is not JSON': {
    files: { 'package.json': '{' },
    code: 'INIT_FILE',
    says: 'package.json',
  },
  'SvelteKit for no place': { files: sveltekit('auto'), code: 'INIT_UNSUPPORTED', says: 'adapter-node' },
  'canvas on alpine': {
    files: { ...npm, 'package.json': pack({ ...start, dependencies: { canvas: '3' } }), 'server.js': server },
    options: { base: 'alpine' },
    code: 'INIT_BASE',
    says: '--base slim',
  },
  'several workspaces': {
    files: {
      ...npm,
      'package.json': pack({ workspaces: ['*'] }),
      'a/package.json': { name: 'a', ...start },
      'b/package.json': { name: 'b', ...start },
    },
    code: 'INIT_APP',
    says: 'a (a), b (b)',
  },
};
