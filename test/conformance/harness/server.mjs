// Serves what cases fetch: the files in the folder http/ of their contexts.
import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { join, normalize } from 'node:path';
import { contextFolder, writeContext } from './case-file.mjs';

const LAST_MODIFIED = 'Wed, 03 Apr 2002 01:02:03 GMT';

/**
 * Starts a server on this machine's loopback, and writes its address into the cases that ask for it as `@HTTP@`.
 *
 * A query asks for more: `nodate` leaves out Last-Modified, `as=NAME` gives the file another name by
 * Content-Disposition, `to=PATH` redirects.
 *
 * @param {import('./case-file.mjs').Case[]} cases
 * @param {string} folder where their files are put
 * @returns {Promise<{ cases: import('./case-file.mjs').Case[], close: () => void }>}
 */
export async function serve(cases, folder) {
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://x');
    const [, name, ...rest] = normalize(decodeURIComponent(pathname)).split('/');
    const file = join(folder, name, 'http', ...rest);
    if (searchParams.has('to')) {
      response.writeHead(302, { location: `/${name}/${searchParams.get('to')}` }).end();
    } else if (statSync(file, { throwIfNoEntry: false })?.isFile()) {
      if (!searchParams.has('nodate')) response.setHeader('last-modified', LAST_MODIFIED);
      const as = searchParams.get('as');
      if (as !== null) response.setHeader('content-disposition', `attachment; filename="${as}"`);
      createReadStream(file).pipe(response);
    } else {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${server.address().port}`;
  const addressed = cases.map((one) => {
    if (!one.text.includes('@HTTP@')) return one;
    const own = contextFolder(one, folder);
    writeContext(one, own);
    const url = `${address}/${own.slice(folder.length + 1)}`;
    const fill = (text) => text.replaceAll('@HTTP@', url);
    return {
      ...one,
      url,
      files: new Map([...one.files].map(([path, text]) => [path, fill(text)])),
      args: one.args.map(fill),
    };
  });
  return { cases: addressed, close: () => server.close() };
}
