import type { Dockerfile } from './ast.ts';

/** The text of a Dockerfile: byte for byte what was parsed, as far as its parts were not changed. */
export function printDockerfile({ parts }: Pick<Dockerfile, 'parts'>): string {
  return parts.map((part) => part.text).join('');
}
