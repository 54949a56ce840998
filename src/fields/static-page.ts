import { createHash } from 'node:crypto';
import { visibleHtml } from '../errors/safe-text.ts';

/**
 * A whole HTML page without scripts, which loads nothing: its policy allows its own style sheet, by digest, alone.
 *
 * @param title plain text; the rest is HTML and CSS
 */
export function staticPage({ title, style, body }: { title: string; style: string; body: string }): string {
  const hash = createHash('sha256').update(style).digest('base64');
  const policy = `default-src 'none'; style-src 'sha256-${hash}'; img-src data:; base-uri 'none'; form-action 'none'`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${visibleHtml(title)}</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
${body}</body>
</html>
`;
}
