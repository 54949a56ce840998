import { isObject, textOf, textsOf } from '../fields/json-values.ts';
import { type ProjectFiles, readJson, stringMembers } from './project-files.ts';

/** The members of a package.json that detection reads, checked. */
export interface PackageManifest {
  name: string | undefined;
  /** `type` is `module`. */
  isModule: boolean;
  main: string | undefined;
  scripts: Record<string, string>;
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
  /** `engines.node`. */
  node: string | undefined;
  /** `pnpm@9.1.0+sha512.…` without the digest. */
  packageManager: { name: string; version: string } | undefined;
  /** Patterns of `workspaces`. */
  workspaces: string[];
}

/** @throws JettisonError `INIT_FILE` */
export function readManifest(files: ProjectFiles, path: string): PackageManifest | undefined {
  const json = readJson(files, path);
  if (json === undefined) return undefined;
  const [, name, version] = /^([a-z]+)@(\d+(?:\.\d+){0,2})/.exec(textOf(json['packageManager']) ?? '') ?? [];
  const { workspaces } = json;
  const patterns = isObject(workspaces) ? workspaces['packages'] : workspaces;
  return {
    name: textOf(json['name']),
    isModule: json['type'] === 'module',
    main: textOf(json['main']),
    scripts: stringMembers(json['scripts']),
    dependencies: {
      ...stringMembers(json['optionalDependencies']),
      ...stringMembers(json['dependencies']),
    },
    devDependencies: stringMembers(json['devDependencies']),
    node: textOf(stringMembers(json['engines'])['node']) ?? textOf(stringMembers(json['volta'])['node']),
    packageManager: name === undefined ? undefined : { name, version: version! },
    workspaces: textsOf(patterns),
  };
}
