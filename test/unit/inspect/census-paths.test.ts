import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Census } from '../../../src/inspect/census.ts';
import { resolvePath, type Tree } from '../../../src/layer/tree.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { imageOf } from './image-of-files.ts';

const name = fc.constantFrom('a', 'b', 'c');
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join('/'));
/** Where links lead, and what is asked for. */
const anyPath = (more: string[]) =>
  fc
    .tuple(
      fc.constantFrom('', '/'),
      fc.array(fc.oneof(name, fc.constantFrom('a', ...more)), { minLength: 1, maxLength: 4 }),
    )
    .map(([start, names]) => start + names.join('/'));

/** Files, and links as `->target`, of which none is below another. */
const files = (more: string[]) =>
  fc
    .dictionary(
      path,
      fc.oneof(
        fc.constant('text'),
        anyPath(more).map((to) => `->${to}`),
      ),
      { maxKeys: 6 },
    )
    .map((all) => {
      const paths = Object.keys(all);
      return Object.fromEntries(
        Object.entries(all).filter(([one]) => !paths.some((other) => one.startsWith(`${other}/`))),
      );
    });

function treeOf(census: Census): Tree {
  return {
    get(at) {
      const found = census.get(at);
      const entry = found && ('directory' in found ? found.directory : found.entry);
      return entry as ReturnType<Tree['get']>;
    },
    children: (at) => census.children(at),
  };
}

// But for `file/.`, which the kernel takes for a mistake.
test('the census of an image finds files where the kernel does', () => {
  fc.assert(
    fc.property(files([]), fc.array(anyPath([]), { minLength: 1, maxLength: 5 }), (all, asked) => {
      const root = realpathSync(tempDir());
      for (const [at, text] of Object.entries(all)) {
        mkdirSync(dirname(join(root, at)), { recursive: true });
        // What begins at the root begins at this folder.
        if (text.startsWith('->')) symlinkSync(text.slice(2).replace(/^\//, `${root}/`), join(root, at));
        else writeFileSync(join(root, at), text);
      }
      const census = imageOf(all);
      for (const one of asked) {
        let real: string | undefined;
        try {
          real = realpathSync(`${root}/${one}`).slice(root.length + 1);
        } catch {
          // Nothing is there.
        }
        const found = census.real(one);
        if (real !== undefined) expect(found).toBe(real);
        else expect(found === undefined || census.get(found) === undefined).toBe(true);
      }
    }),
    { numRuns: 200 },
  );
});

test('COPY and the census of an image find the same wherever both find something', () => {
  fc.assert(
    fc.property(files(['.', '..']), anyPath(['.', '..']), fc.boolean(), (all, asked, last) => {
      const census = imageOf(all);
      const found = census.real(asked, last);
      fc.pre(found !== undefined);
      expect(resolvePath(treeOf(census), asked, last).path).toBe(found);
    }),
    { numRuns: 500 },
  );
});

test('what lies behind something that is missing is missing in an image, and for COPY a place to be made', () => {
  const census = imageOf({ file: 'text', loop: '->loop' });
  expect(census.real('missing/x')).toBeUndefined();
  expect(census.real('file/x')).toBeUndefined();
  expect(census.real('file/../file')).toBeUndefined();
  expect(census.real('loop')).toBeUndefined();
  expect(resolvePath(treeOf(census), 'missing/x').path).toBe('missing/x');
  expect(resolvePath(treeOf(census), 'file/../file').path).toBe('file');
  expect(() => resolvePath(treeOf(census), 'loop')).toThrow('too many symbolic links');
});
