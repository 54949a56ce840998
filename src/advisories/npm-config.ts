import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

/** What npm asks where nothing is configured. */
const PUBLIC = 'https://registry.npmjs.org/';

/** Which registry npm asks for a package, and with which token. */
export class NpmConfig {
  readonly #values: ReadonlyMap<string, string>;

  /** @param values of `.npmrc` files: `registry`, `@scope:registry`, `//host/path/:_authToken` */
  constructor(values: ReadonlyMap<string, string>) {
    this.#values = values;
  }

  /** What applies in a folder: of the project's file, the user's, the machine's, and of `npm_config_registry`. */
  static load(cwd: string, env: NodeJS.ProcessEnv): NpmConfig {
    const home = env['HOME'] ?? homedir();
    const files = [
      env['NPM_CONFIG_GLOBALCONFIG'] ?? join(dirname(dirname(process.execPath)), 'etc/npmrc'),
      env['NPM_CONFIG_USERCONFIG'] ?? join(home, '.npmrc'),
      join(projectFolder(cwd), '.npmrc'),
    ];
    const values = new Map(files.flatMap((file) => entriesOf(file, env)));
    const given = env['npm_config_registry'] ?? env['NPM_CONFIG_REGISTRY'];
    if (given) values.set('registry', given);
    return new NpmConfig(values);
  }

  /** The registry of a package: its scope's, else the default one. Ends with a slash. */
  registryOf(name: string): URL {
    const scope = /^(@[^/]+)\//.exec(name)?.[1];
    const own = scope === undefined ? undefined : this.#values.get(`${scope}:registry`);
    const text = own ?? this.#values.get('registry') ?? PUBLIC;
    const url = new URL(URL.canParse(text) ? text : PUBLIC);
    if (!url.pathname.endsWith('/')) url.pathname += '/';
    return url;
  }

  /** The `Authorization` header for a registry: of the longest beginning of its address that has one. */
  authorizationFor({ host, pathname }: URL): string | undefined {
    for (let path = pathname; ; path = path.replace(/[^/]*\/$/, '')) {
      const found = this.#authorization(`//${host}${path}`);
      if (found !== undefined || path === '/' || path === '') return found;
    }
  }

  #authorization(address: string): string | undefined {
    const value = (key: string) =>
      this.#values.get(`${address}:${key}`) ?? this.#values.get(`${address.replace(/\/$/, '')}:${key}`);
    const token = value('_authToken');
    if (token) return `Bearer ${token}`;
    const basic = value('_auth');
    if (basic) return `Basic ${basic}`;
    const [user, password] = [value('username'), value('_password')];
    if (!user || !password) return undefined;
    const login = `${user}:${Buffer.from(password, 'base64').toString()}`;
    return `Basic ${Buffer.from(login).toString('base64')}`;
  }
}

/** The nearest folder upwards with a package.json. */
function projectFolder(cwd: string): string {
  for (let at = resolve(cwd); ; at = dirname(at)) {
    if (existsSync(join(at, 'package.json')) || at === dirname(at)) {
      return at === dirname(at) ? cwd : at;
    }
  }
}

/** Lines `key = value` of an ini file, with `${VARIABLE}` replaced. */
function entriesOf(file: string, env: NodeJS.ProcessEnv): [string, string][] {
  return (textOf(file) ?? '').split(/\r?\n/).flatMap((line): [string, string][] => {
    const [, key, value] = /^\s*([^;#=\s][^=]*?)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (key === undefined || value === undefined) return [];
    const plain = value.replace(/^(["'])(.*)\1$/, '$2');
    return [[key, plain.replace(/\$\{([^}]+)\}/g, (whole, name: string) => env[name] ?? whole)]];
  });
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
