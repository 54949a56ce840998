import type { Recipe } from './image-recipe.ts';

/** Files of every project that no image needs, by the reason. */
const GROUPS: Record<string, string[]> = {
  'Version control, and settings of editors': [
    '.git',
    '.gitignore',
    '.gitattributes',
    '.github',
    '.gitlab-ci.yml',
    '.idea',
    '.vscode',
    '**/.DS_Store',
  ],
  'Secrets: they come in as secret mounts and variables': [
    '**/.env',
    '**/.env.*',
    '!**/.env.example',
    '**/*.pem',
    '**/*.key',
  ],
  'Files about images': [
    'Dockerfile*',
    '.dockerignore',
    'compose*.yaml',
    'compose*.yml',
    'docker-compose*.yml',
  ],
  'Logs and documentation': ['**/*.log', 'LICENSE', 'docs'],
};

/** The text of a .dockerignore. */
export function ignoreText({ ignored }: Pick<Recipe, 'ignored'>): string {
  const groups = { 'Installed or built in the image': ignored, ...GROUPS };
  return `${Object.entries(groups)
    .filter(([, patterns]) => patterns.length > 0)
    .map(([reason, patterns]) => [`# ${reason}`, ...patterns].join('\n'))
    .join('\n\n')}\n`;
}
