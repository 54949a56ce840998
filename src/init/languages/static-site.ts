import type { Recipe, RecipeOptions } from '../image-recipe.ts';
import { step } from '../image-recipe.ts';
import { firstFile, type ProjectFiles } from '../project-files.ts';
import { staticStage } from '../static-server.ts';

const PLACES = ['index.html', 'public/index.html', 'site/index.html', 'dist/index.html', 'www/index.html'];

/** A folder of files for a web server: nothing is built. */
export function staticSiteRecipe(files: ProjectFiles, options: RecipeOptions): Recipe | undefined {
  const index = firstFile(files, PLACES);
  if (index === undefined) return undefined;
  const folder = index === 'index.html' ? '.' : index.split('/')[0]!;
  const family = options.base ?? 'alpine';
  const isHost = family === 'host';
  const { stage, port, health } = staticStage(
    { from: undefined, folder, isSinglePage: false },
    family,
    options,
    isHost
      ? { image: `\${RUNTIME}`, program: ['node'], user: '1000:1000' }
      : { image: 'gcr.io/distroless/nodejs24-debian12', program: [], user: '65532:65532' },
  );
  return {
    description: `static files in ${folder === '.' ? 'this folder' : `${folder}/`}`,
    args: isHost
      ? [
          step(
            'ARG RUNTIME=node:host-slim',
            "An image of this machine's own files: `jettison base host --slim` makes it.",
          ),
        ]
      : [],
    stages: [stage],
    ignored: ['**/node_modules', '**/*.map'],
    port,
    health,
    hostBases: isHost ? [{ name: 'node:host-slim', slim: true }] : [],
    notes: [],
  };
}
