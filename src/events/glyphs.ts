/** The signs of the live view. */
export interface Glyphs {
  done: string;
  failed: string;
  cancelled: string;
  waiting: string;
  bar: string;
  /** Marks what is on the critical path. */
  critical: string;
  arrow: string;
  ellipsis: string;
  spinner: readonly string[];
}

const UNICODE: Glyphs = {
  done: '✓',
  failed: '✗',
  cancelled: '-',
  waiting: '·',
  bar: '│',
  critical: '┃',
  arrow: '→',
  ellipsis: '…',
  spinner: ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'],
};

const ASCII: Glyphs = {
  done: '+',
  failed: 'x',
  cancelled: '-',
  waiting: '.',
  bar: '|',
  critical: '*',
  arrow: '->',
  ellipsis: '~',
  spinner: ['|', '/', '-', '\\'],
};

/**
 * Signs that the terminal can show: plain ASCII on the Linux console and where a locale is set that is not
 * UTF-8. Without any locale (as in most containers) the terminal outside is taken to be a modern one.
 */
export function glyphsFor(env: NodeJS.ProcessEnv): Glyphs {
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '';
  const unicode = env['TERM'] !== 'linux' && (locale === '' || /utf-?8/i.test(locale));
  return unicode ? UNICODE : ASCII;
}
