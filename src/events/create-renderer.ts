import { unguarded } from '../errors/terminal-guard.ts';
import type { Output, Renderer } from './renderer.ts';

export const PROGRESS_MODES = ['auto', 'tty', 'plain', 'quiet', 'rawjson'] as const;
export type ProgressMode = (typeof PROGRESS_MODES)[number];

/**
 * Makes the renderer for a mode; `auto` is the live view on a terminal and plain lines elsewhere. Only the
 * module of the renderer that is used gets loaded.
 */
export async function createRenderer(
  mode: ProgressMode,
  output: Output,
  options: { color: boolean; env: NodeJS.ProcessEnv },
): Promise<Renderer> {
  const live = output.isTTY === true && options.env['TERM'] !== 'dumb';
  switch (mode === 'auto' ? (live ? 'tty' : 'plain') : mode) {
    case 'tty': {
      const [{ TtyRenderer }, { glyphsFor }] = await Promise.all([import('./tty.ts'), import('./glyphs.ts')]);
      return new TtyRenderer(unguarded(output), { color: options.color, glyphs: glyphsFor(options.env) });
    }
    case 'rawjson':
      return new (await import('./rawjson.ts')).RawJsonRenderer(output);
    case 'quiet':
      return new (await import('./quiet.ts')).QuietRenderer(output);
    default:
      return new (await import('./plain.ts')).PlainRenderer(output, { color: options.color });
  }
}
