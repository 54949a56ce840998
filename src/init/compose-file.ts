import { stringify } from 'yaml';
import type { Recipe } from './image-recipe.ts';

/** The text of a compose.yaml: the service with the rights that it needs, and no more. */
export function composeText({ port, stages }: Pick<Recipe, 'port' | 'stages'>): string {
  const service = {
    build: { context: '.', target: stages.at(-1)!.name },
    ...(port === undefined ? {} : { ports: [`${port}:${port}`] }),
    init: true,
    read_only: true,
    tmpfs: ['/tmp'],
    cap_drop: ['ALL'],
    security_opt: ['no-new-privileges:true'],
    restart: 'unless-stopped',
  };
  return `# The service without rights, on a root file system that it cannot change.\n${stringify({ services: { app: service } })}`;
}
