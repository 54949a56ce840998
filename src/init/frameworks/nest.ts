import type { Framework } from './framework.ts';
import { plainServer } from './plain-server.ts';

/** NestJS: a Node server whose build is `nest build`. */
export const nest: Framework = {
  title: 'NestJS',
  packages: ['@nestjs/core'],
  service(project) {
    const start = project.manifest.scripts['start:prod'] ?? '';
    const file = /\bnode\s+(?:--\S+\s+)*([\w./-]+)/.exec(start)?.[1] ?? 'dist/main.js';
    return plainServer(project, { entry: /\.[cm]?js$/.test(file) ? file : `${file}.js`, port: 3000 });
  },
};
