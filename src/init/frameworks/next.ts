import { configText } from '../node-project.ts';
import { below, hasFolder } from '../project-files.ts';
import type { Framework } from './framework.ts';

/** Next.js: its traced standalone server, its export, or `next start`. */
export const next: Framework = {
  title: 'Next.js',
  packages: ['next'],
  service(project) {
    const output = /\boutput\s*:\s*['"](\w+)['"]/.exec(configText(project, 'next'))?.[1];
    const buildEnv = { NEXT_TELEMETRY_DISABLED: '1' };
    const assets = hasFolder(project.files, below(project.folder, 'public'))
      ? [{ path: 'public', comment: 'Files that are sent as they are.' }]
      : [];
    if (output === 'export') {
      return { kind: 'static', variant: 'export', output: 'out', isSinglePage: false, env: buildEnv };
    }
    const port = 3000;
    if (output === 'standalone') {
      return {
        kind: 'server',
        variant: 'standalone',
        start: ['server.js'],
        isBuilt: true,
        copies: [
          {
            path: '.next/standalone',
            target: '/app',
            comment: 'The server with the modules that it loads, as Next.js traced them.',
          },
          { path: '.next/static', comment: 'Scripts and styles of the pages: standalone leaves them out.' },
          ...assets,
        ],
        modules: 'none',
        port,
        env: { HOSTNAME: '0.0.0.0', ...buildEnv },
        buildEnv,
      };
    }
    return {
      kind: 'server',
      start: ['node_modules/next/dist/bin/next', 'start'],
      isBuilt: true,
      copies: [
        { path: '.next', comment: 'The built pages.' },
        ...assets,
        ...['next.config.js', 'next.config.mjs', 'next.config.ts']
          .filter((path) => project.has(path))
          .map((path) => ({ path, comment: 'Read when the server starts.' })),
      ],
      modules: 'production',
      port,
      env: { HOSTNAME: '0.0.0.0', ...buildEnv },
      buildEnv,
      notes: [
        'With `output: "standalone"` in next.config the image needs no node_modules: run init --update after adding it.',
      ],
    };
  },
};
