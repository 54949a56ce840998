import { unguarded } from '../errors/terminal-guard.ts';
import type { Output, Renderer } from './renderer.ts';

export const PROGRESS_MODES = ['auto', 'tty', 'plain', 'github', 'quiet', 'rawjson'] as const;
export type ProgressMode = (typeof PROGRESS_MODES)[number];

/**
 * Makes the renderer for a mode. Only the module of the renderer that is used gets loaded.
 */
export async function createRenderer(
  mode: ProgressMode,
  output: Output,
  options: { color: boolean; env: NodeJS.ProcessEnv },
): Promise<Renderer> {
  switch (actualMode(mode, output, options.env)) {
    case 'tty': {
      const [{ TtyRenderer }, { glyphsFor }] = await Promise.all([import('./tty.ts'), import('./glyphs.ts')]);
      return new TtyRenderer(unguarded(output), { color: options.color, glyphs: glyphsFor(options.env) });
    }
    case 'rawjson':
      return new (await import('./rawjson.ts')).RawJsonRenderer(output);
    case 'github':
      return new (await import('./github.ts')).GithubRenderer(output, options);
    case 'quiet':
      return new (await import('./quiet.ts')).QuietRenderer(output);
    default:
      return new (await import('./plain.ts')).PlainRenderer(output, { color: options.color });
  }
}

/** `auto` is the live view on a terminal; elsewhere groups and annotations in GitHub Actions, and plain lines. */
export function actualMode(mode: ProgressMode, output: Output, env: NodeJS.ProcessEnv): ProgressMode {
  if (mode !== 'auto') return mode;
  if (output.isTTY === true && env['TERM'] !== 'dumb') return 'tty';
  return env['GITHUB_ACTIONS'] === 'true' ? 'github' : 'plain';
}
