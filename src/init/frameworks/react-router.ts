import { configText } from '../node-project.ts';
import type { Framework } from './framework.ts';

/** Remix, and React Router as a framework, which came of it. */
export const reactRouter: Framework = {
  title: 'Remix',
  packages: [
    '@remix-run/node',
    '@remix-run/serve',
    '@react-router/node',
    '@react-router/serve',
    '@react-router/dev',
  ],
  service(project) {
    if (/\bssr\s*:\s*false\b/.test(configText(project, 'react-router'))) {
      return { kind: 'static', variant: 'single page', output: 'build/client', isSinglePage: true };
    }
    const isRouter = project.knows('@react-router/dev') || project.knows('@react-router/serve');
    const script = project.manifest.scripts['start'] ?? '';
    const own = /\bnode\s+(?:\S+=\S+\s+)*(?:--\S+\s+)*(\.?\/?[\w./-]+\.[cm]?js)\b/.exec(script)?.[1];
    const built = /-serve\s+(\S+)/.exec(script)?.[1] ?? 'build/server/index.js';
    const serve = isRouter ? '@react-router/serve/bin.cjs' : '@remix-run/serve/dist/cli.js';
    const files = own === undefined || own.startsWith('build/') ? [] : [own.replace(/^\.\//, '')];
    return {
      kind: 'server',
      ...(isRouter ? { variant: 'React Router' } : {}),
      start: own === undefined ? [`node_modules/${serve}`, built] : [own],
      isBuilt: true,
      copies: [
        { path: 'build', comment: 'Server and client, as built.' },
        ...files.map((path) => ({ path, comment: 'The server that loads the build.' })),
      ],
      modules: 'production',
      port: project.port ?? 3000,
      env: { HOST: '0.0.0.0' },
    };
  },
};
