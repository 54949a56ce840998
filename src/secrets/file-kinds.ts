import { jsonIn } from './checksums.ts';
import type { FileKind } from './secret-kind.ts';

/** Files that hold secrets in a form of their own. */
export const FILE_KINDS: readonly FileKind[] = [
  {
    ...{ id: 'npmrc-token', title: 'login of .npmrc', severity: 'critical' },
    files: /(?:^|\/)(?:\.?npmrc|\.yarnrc)$/,
    pattern: /(?:^|[:\s])_(?:authToken|auth|password)\s{0,4}=\s{0,4}"?(?<secret>[^\s"]{6,2048})/gm,
  },
  {
    ...{ id: 'yarnrc-token', title: 'login of .yarnrc.yml', severity: 'critical' },
    files: /(?:^|\/)\.yarnrc\.ya?ml$/,
    pattern: /npmAuth(?:Token|Ident)"?\s{0,4}:\s{0,4}["']?(?<secret>[^\s"']{6,2048})/g,
  },
  {
    ...{ id: 'netrc-password', title: 'password of .netrc', severity: 'critical' },
    files: /(?:^|\/)[._]netrc$/,
    pattern: /\bpassword\s{1,8}(?<secret>[^\s]{1,512})/g,
  },
  {
    ...{ id: 'git-credentials', title: 'password of .git-credentials', severity: 'critical' },
    files: /(?:^|\/)\.git-credentials$|(?:^|\/)git\/credentials$/,
    pattern: /^[a-z]+:\/\/(?:[^\s/:@]{0,128}:)?(?<secret>[^\s/@:]{4,512})@/gm,
  },
  {
    ...{ id: 'docker-login', title: 'login of Docker', severity: 'critical' },
    files:
      /(?:^|\/)(?:\.docker\/config\.json|\.dockercfg|\.dockerconfigjson|(?:containers|kaniko\/\.docker)\/(?:auth|config)\.json)$/,
    pattern: /"(?:auth|identitytoken|registrytoken)"\s{0,4}:\s{0,4}"(?<secret>[^"\s]{6,8192})"/g,
    decode: passwordOf,
  },
  {
    ...{ id: 'kubeconfig', title: 'login of a kubeconfig', severity: 'critical' },
    files: /(?:^|\/)(?:\.kube\/config|kubeconfig|[\w.-]*kubeconfig(?:\.ya?ml)?|admin\.conf|k3s\.ya?ml)$/,
    pattern:
      /(?:^|[\s{,])"?(?:token|client-key-data|password|id-token|refresh-token)"?\s{0,4}:\s{0,4}["']?(?<secret>[^\s"',}]{6,8192})/gm,
  },
  {
    ...{ id: 'pypirc-password', title: 'password of .pypirc', severity: 'critical' },
    files: /(?:^|\/)\.pypirc$/,
    pattern: /^\s{0,8}password\s{0,4}[:=]\s{0,4}(?<secret>[^\s]{4,512})/gm,
  },
  {
    ...{ id: 'pgpass', title: 'password of .pgpass', severity: 'critical' },
    files: /(?:^|\/)\.?pgpass(?:\.conf)?$/,
    pattern: /^[^#:\n]{1,255}:[^:\n]{1,16}:[^:\n]{1,128}:[^:\n]{1,128}:(?<secret>[^\n\r]{1,255})/gm,
  },
  {
    ...{ id: 'mysql-password', title: 'password of MySQL options', severity: 'high' },
    files: /(?:^|\/)\.?my(?:login)?\.cnf$/,
    pattern: /^\s{0,8}password\s{0,4}=\s{0,4}["']?(?<secret>[^\s"'#]{1,255})/gm,
  },
  {
    ...{ id: 'rails-master-key', title: 'master key of Rails', severity: 'critical' },
    files: /(?:^|\/)config\/(?:master|credentials\/[\w-]+)\.key$/,
    pattern: /^(?<secret>[0-9a-f]{32})\s*$/g,
  },
  {
    ...{ id: 'vault-token-file', title: 'token of the Vault client', severity: 'critical' },
    files: /(?:^|\/)\.vault-token$/,
    pattern: /^(?<secret>[\w.-]{20,256})\s*$/g,
  },
  {
    ...{ id: 'terraform-login', title: 'login of Terraform', severity: 'critical' },
    files: /(?:^|\/)(?:\.terraformrc|terraform\.rc|credentials\.tfrc\.json)$/,
    pattern: /"?token"?\s{0,4}[:=]\s{0,4}"(?<secret>[^"\s]{10,512})"/g,
  },
  {
    ...{ id: 'terraform-state', title: 'secret in a Terraform state', severity: 'high' },
    files: /\.tfstate(?:\.backup)?$/,
    pattern:
      /"(?:password|master_password|admin_password|secret|secret_key|secret_string|private_key_pem|access_key|token|client_secret)"\s{0,4}:\s{0,4}"(?<secret>[^"\n]{6,8192})"/g,
  },
  {
    ...{ id: 'gcloud-login', title: 'login of gcloud', severity: 'critical' },
    files:
      /(?:^|\/)(?:application_default_credentials\.json|gcloud\/legacy_credentials\/.{1,200}\/adc\.json)$/,
    pattern: /"(?:refresh_token|private_key)"\s{0,4}:\s{0,4}"(?<secret>[^"\n]{10,8192})"/g,
  },
  {
    ...{ id: 'azure-login', title: 'login of the Azure client', severity: 'critical' },
    files: /(?:^|\/)\.azure\/(?:accessTokens|msal_token_cache)\.json$/,
    pattern: /"(?:secret|accessToken|refreshToken)"\s{0,4}:\s{0,4}"(?<secret>[^"\n]{20,8192})"/g,
  },
  {
    ...{ id: 'gh-login', title: 'login of the GitHub client', severity: 'critical' },
    files: /(?:^|\/)\.?config\/(?:gh\/hosts\.ya?ml|hub|glab-cli\/config\.ya?ml)$/,
    pattern: /(?:oauth_token|token)\s{0,4}:\s{0,4}["']?(?<secret>[^\s"']{10,512})/g,
  },
  {
    ...{ id: 'composer-login', title: 'login of Composer', severity: 'high' },
    files: /(?:^|\/)\.?composer\/auth\.json$|(?:^|\/)auth\.json$/,
    pattern: /"(?:password|github\.com|gitlab\.com|token)"\s{0,4}:\s{0,4}"(?<secret>[^"\s]{6,512})"/g,
  },
  {
    ...{ id: 'gem-login', title: 'login of RubyGems', severity: 'critical' },
    files: /(?:^|\/)\.gem\/credentials$|(?:^|\/)\.bundle\/config$/,
    pattern:
      /^(?::[\w-]+|BUNDLE_[A-Z0-9_]+)\s{0,4}:\s{0,4}["']?(?:Bearer )?(?<secret>[^\s"'/]{12,512})["']?\s*$/gm,
  },
  {
    ...{ id: 'cargo-login', title: 'login of Cargo', severity: 'critical' },
    files: /(?:^|\/)\.cargo\/credentials(?:\.toml)?$/,
    pattern: /^\s{0,8}token\s{0,4}=\s{0,4}["'](?<secret>[^\s"']{10,512})/gm,
  },
  {
    ...{ id: 'maven-password', title: 'password of Maven or Gradle', severity: 'high' },
    files: /(?:^|\/)\.?m2\/settings(?:-security)?\.xml$|(?:^|\/)settings\.xml$/,
    pattern: /<(?:password|passphrase|master)>\s{0,8}(?<secret>[^<\s${]{4,512})\s{0,8}</g,
  },
  {
    ...{ id: 'nuget-password', title: 'password of NuGet', severity: 'high' },
    files: /(?:^|\/)nuget\.config$/i,
    pattern: /key="(?:ClearTextPassword|Password)"\s{1,8}value="(?<secret>[^"%]{4,512})"/gi,
  },
  {
    ...{ id: 'rclone-secret', title: 'secret of rclone or s3cmd', severity: 'high' },
    files: /(?:^|\/)(?:rclone\.conf|\.s3cfg|\.boto|\.mc\/config\.json|\.passwd-s3fs)$/,
    pattern:
      /(?:^|")(?:pass|secret_access_key|secret_key|gs_secret_access_key|secretKey|aws_secret_access_key)"?\s{0,4}[:=]\s{0,4}"?(?<secret>[^\s"]{10,512})/gm,
  },
  {
    ...{ id: 'password-hash', title: 'password hash', severity: 'medium' },
    files: /(?:^|\/)(?:etc\/(?:shadow|gshadow)-?|\.?htpasswd)$/,
    pattern: /^[^:\n]{1,64}:(?<secret>\$(?:[0-9a-z]{1,8}\$|apr1\$)[^:\n]{20,256}|\{SHA\}[^:\n]{20,64})/gm,
  },
];

/** What is behind a login of Docker: `user:password` in base64, or a token as it is. */
function passwordOf(value: string): string | undefined {
  const pair = Buffer.from(value, 'base64').toString('utf8');
  const [, password] = /^[^\s:]{1,256}:([^\s]{1,8192})$/.exec(pair) ?? [];
  return password ?? (jsonIn(value) === undefined && value.length >= 32 ? value : undefined);
}
