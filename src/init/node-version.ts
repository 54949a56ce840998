import { Range, satisfies, validRange } from 'semver';
import type { PackageManifest } from './package-manifest.ts';
import type { ProjectFiles } from './project-files.ts';

/** Release lines with long-term support, newest first. */
const LINES = [24, 22, 20];
const [DEFAULT] = LINES;

/** A version of Node for an image's tag, and the file that asks for it. */
export interface NodeVersion {
  /** `24` or `20.11.1`. */
  version: string;
  reason: string;
  /** A range that the version satisfies, if the project has one. */
  range: string | undefined;
}

/** The version of Node that a project asks for: .nvmrc, .node-version, `engines`. */
export function nodeVersion(files: ProjectFiles, manifests: readonly PackageManifest[]): NodeVersion {
  for (const path of ['.nvmrc', '.node-version']) {
    const text = files.text(path)?.split('\n')[0]?.trim().replace(/^v/, '') ?? '';
    if (/^\d+(\.\d+){0,2}$/.test(text)) return { version: text, reason: path, range: text };
    const line = { iron: 20, jod: 22, krypton: 24 }[text.replace(/^lts\//, '').toLowerCase()];
    if (line !== undefined) return { version: `${line}`, reason: path, range: `${line}` };
  }
  const range = manifests.find(({ node }) => node !== undefined)?.node;
  if (range !== undefined && validRange(range) !== null) {
    const found = LINES.find((line) => satisfies(`${line}.99.99`, range)) ?? lowest(range);
    return { version: `${found}`, reason: `engines.node ${range}`, range };
  }
  return {
    version: `${DEFAULT}`,
    reason: 'long-term support; the project names no version',
    range: undefined,
  };
}

/** The lowest major version of a range that no line with long-term support satisfies. */
function lowest(range: string): number {
  const versions = new Range(range).set.flat().map(({ semver }) => semver.major);
  const known = versions.filter((major) => Number.isInteger(major) && major > 0);
  return known.length === 0 ? DEFAULT! : Math.min(...known);
}
