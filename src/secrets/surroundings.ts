/**
 * Where a value stands, which decides how sure its form must be. `dotenv`: a file of variables, most of which are
 * secrets; `settings`: a configuration file; `code`: programs' sources, documents and all other text; `lock`: a list of
 * packages and their digests; `binary`: not text; `value`: the value of a variable, or a command line.
 */
export type Surroundings = 'dotenv' | 'settings' | 'code' | 'lock' | 'binary' | 'value';

const DOTENV = /(?:^|\/)(?:\.env(?:\.[\w.-]+)?|[\w.-]+\.env|\.envrc|env\.list|environment)$/;
/** Files that are templates by their names: their values stand for others. */
const TEMPLATE = /\.(?:example|sample|template|tmpl|dist|default|defaults|schema|tpl|j2|md|rst|txt\.in)$/i;
const SETTINGS =
  /\.(?:ya?ml|json5?|jsonc|toml|ini|conf|cfg|cnf|config|properties|props|xml|plist|tfvars|tf|hcl|secrets?|credentials?|cred|netrc|auto\.tfvars|sh|bash|zsh|profile|service)$|(?:^|\/)(?:config|credentials?|secrets?|settings|\.?(?:bash|zsh|ash|sh)_history|\.bashrc|\.profile|\.zshrc|\.[a-z]+rc)$/i;
const LOCK =
  /(?:^|\/)(?:package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lockb?|composer\.lock|Cargo\.lock|go\.sum|Gemfile\.lock|poetry\.lock|uv\.lock|Pipfile\.lock|packages\.lock\.json|flake\.lock|\.package-lock\.json|deno\.lock|mix\.lock|Podfile\.lock|pubspec\.lock|RECORD|SHA\d+SUMS)$|\.(?:map|min\.js|min\.css|md5sums|sha256|sha512|sig|asc|svg|po|pot|csv|tsv|ipynb|snap|ics)$/i;

/** What kind of text is in a file, by its name. */
export function surroundingsOf(path: string): Exclude<Surroundings, 'binary' | 'value'> {
  if (LOCK.test(path)) return 'lock';
  if (TEMPLATE.test(path)) return 'code';
  if (DOTENV.test(path)) return 'dotenv';
  return SETTINGS.test(path) ? 'settings' : 'code';
}
