import { hasCrc32, isJwt } from './checksums.ts';
import { lazyPattern, type SecretKind, type SecretSeverity } from './secret-kind.ts';

/** What a short beginning goes on with. */
const LETTERS_AND_DIGITS = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-'];

/**
 * Tokens that say by their first letters what they are. A row: id, title, severity, how they begin, and what follows, as
 * the services document their tokens.
 */
export const tokenKinds = (): SecretKind[] => [
  // Code and packages.
  token(
    'github-token',
    'GitHub token',
    'critical',
    'ghp_ gho_ ghu_ ghs_ ghr_',
    /[A-Za-z0-9]{30,255}/,
    hasCrc32,
  ),
  token('github-token', 'GitHub token', 'critical', 'github_pat_', /[A-Za-z0-9_]{30,255}/),
  token(
    ...(['gitlab-token', 'GitLab token', 'critical'] as const),
    'glpat- gldt- glrt- glrtr- glptt- glcbt- glft- glimt- glagent- glsoat- gloas- glffct-',
    /[A-Za-z0-9_-]{16,300}(?:\.[0-9a-z]{2,3}\.[0-9a-z]{9})?/,
  ),
  token('npm-token', 'npm token', 'critical', 'npm_', /[A-Za-z0-9]{36}/, hasCrc32),
  token('docker-hub-token', 'Docker Hub token', 'critical', 'dckr_pat_ dckr_oat_', /[A-Za-z0-9_-]{20,40}/),
  token('pypi-token', 'PyPI token', 'critical', 'pypi-AgE', /[A-Za-z0-9_-]{50,}/),
  token('rubygems-key', 'RubyGems key', 'critical', 'rubygems_', /[0-9a-f]{48}/),
  token('clojars-token', 'Clojars token', 'high', 'CLOJARS_', /[0-9a-z]{60}/),
  token('atlassian-token', 'Atlassian token', 'critical', 'ATATT3xFf ATCTT3xFf', /[A-Za-z0-9_=-]{40,250}/),
  token('sourcegraph-token', 'Sourcegraph token', 'high', 'sgp_', /(?:(?:local|[0-9a-f]{16})_)?[0-9a-f]{40}/),
  token('circleci-token', 'CircleCI token', 'critical', 'CCIPAT_ CCIPRJ_', /[A-Za-z0-9]{22}_[0-9a-f]{40}/),
  token('postman-key', 'Postman key', 'high', 'PMAK-', /[0-9a-f]{24}-[0-9a-f]{34}/),
  // Clouds.
  token('aws-access-key-id', 'AWS access key', 'high', 'AKIA ASIA', /[A-Z2-7]{16}/),
  token('google-api-key', 'Google API key', 'high', 'AIza', /[A-Za-z0-9_-]{35}/),
  token('google-oauth-secret', 'Google OAuth client secret', 'high', 'GOCSPX-', /[A-Za-z0-9_-]{28}/),
  token('google-oauth-token', 'Google OAuth token', 'high', 'ya29.', /[A-Za-z0-9_-]{40,2048}/),
  token('digitalocean-token', 'DigitalOcean token', 'critical', 'dop_v1_ doo_v1_ dor_v1_', /[0-9a-f]{64}/),
  token('alibaba-access-key-id', 'Alibaba Cloud access key', 'high', 'LTAI', /[A-Za-z0-9]{17,21}/),
  token('heroku-key', 'Heroku key', 'critical', 'HRKU-', /[A-Za-z0-9_-]{36,64}/),
  token('fly-token', 'Fly.io token', 'critical', 'fo1_ fm1r_ fm1a_ fm2_', /[A-Za-z0-9_+/=-]{43,2048}/),
  token('netlify-token', 'Netlify token', 'high', 'nfp_ nfc_ nfo_ nfu_', /[A-Za-z0-9]{36}/),
  token(
    'planetscale-token',
    'PlanetScale token',
    'critical',
    'pscale_',
    /(?:tkn|pw|oauth)_[A-Za-z0-9_.=-]{32,64}/,
  ),
  token('supabase-token', 'Supabase token', 'critical', 'sbp_', /(?:v0_)?[0-9a-f]{40}/),
  token('databricks-token', 'Databricks token', 'critical', 'dapi', /[0-9a-f]{32}(?:-[0-9])?/),
  token(
    'tailscale-key',
    'Tailscale key',
    'critical',
    'tskey-',
    /[a-z]+-[A-Za-z0-9]{8,20}-[A-Za-z0-9]{16,64}/,
  ),
  token('openshift-token', 'OpenShift token', 'high', 'sha256~', /[A-Za-z0-9_-]{43}/),
  token('vault-token', 'Vault token', 'critical', 'hvs. hvb. hvr.', /[A-Za-z0-9_-]{24,200}/),
  within('terraform-token', 'Terraform Cloud token', 'critical', '.atlasv1.', [
    /[A-Za-z0-9]{14}/,
    /[A-Za-z0-9_=-]{60,70}/,
  ]),
  token('pulumi-token', 'Pulumi token', 'critical', 'pul-', /[0-9a-f]{40}/),
  token(
    'doppler-token',
    'Doppler token',
    'critical',
    'dp.pt. dp.st. dp.ct. dp.sa.',
    /(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,44}/,
  ),
  token('1password-token', '1Password token', 'critical', 'ops_eyJ', /[A-Za-z0-9+/=_-]{200,2048}/),
  token('age-key', 'age key', 'critical', 'AGE-SECRET-KEY-1', /[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}/),
  within('azure-devops-token', 'Azure DevOps token', 'critical', 'AZDO', [
    /[A-Za-z0-9]{76}/,
    /[A-Za-z0-9]{4}/,
  ]),
  after('azure-storage-key', 'Azure storage key', 'critical', 'AccountKey=', /[A-Za-z0-9+/]{86}==/),
  after('azure-access-key', 'Azure access key', 'high', 'SharedAccessKey=', /[A-Za-z0-9+/]{43}=/),
  // Messages and mail.
  token(
    'slack-token',
    'Slack token',
    'critical',
    'xoxa- xoxb- xoxe- xoxo- xoxp- xoxr- xoxs-',
    /(?=[A-Za-z-]*[0-9])[A-Za-z0-9-]{10,255}/,
  ),
  token('slack-token', 'Slack token', 'critical', 'xapp-', /[0-9]-[A-Z0-9]+-[0-9]+-[a-z0-9]{32,80}/),
  after(
    'slack-webhook',
    'Slack webhook',
    'high',
    'hooks.slack.com/',
    /(?:services|workflows|triggers)\/[A-Za-z0-9/+]{30,80}/,
  ),
  after(
    'discord-webhook',
    'Discord webhook',
    'high',
    'discord.com/api/webhooks/ discordapp.com/api/webhooks/',
    /[0-9]{17,20}\/[A-Za-z0-9_-]{60,80}/,
  ),
  within('telegram-token', 'Telegram bot token', 'critical', ':AAE :AAF :AAG :AAH', [
    /[0-9]{8,10}/,
    /[A-Za-z0-9_-]{32}/,
  ]),
  token('sendgrid-key', 'SendGrid key', 'critical', 'SG.*', /[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}/),
  token('mailgun-key', 'Mailgun key', 'high', 'key-', /[0-9a-f]{32}/),
  token('brevo-key', 'Brevo key', 'high', 'xkeysib-', /[0-9a-f]{64}-[A-Za-z0-9]{16}/),
  // Payments and shops.
  token('stripe-key', 'Stripe key', 'critical', 'sk_live_ rk_live_', /[A-Za-z0-9]{16,247}/),
  token('stripe-test-key', 'Stripe key', 'low', 'sk_test_ rk_test_', /[A-Za-z0-9]{16,247}/),
  token('stripe-webhook-secret', 'Stripe webhook secret', 'high', 'whsec_', /[A-Za-z0-9]{32,64}/),
  token('square-token', 'Square token', 'critical', 'sq0atp- sq0csp-', /[A-Za-z0-9_-]{22,43}/),
  token('shopify-token', 'Shopify token', 'critical', 'shpat_ shpca_ shppa_ shpss_', /[0-9a-fA-F]{32}/),
  // Language models.
  token('openai-key', 'OpenAI key', 'critical', 'sk-proj- sk-svcacct- sk-admin-', /[A-Za-z0-9_-]{32,200}/),
  within('openai-key', 'OpenAI key', 'critical', 'T3BlbkFJ', [
    /sk-[A-Za-z0-9_-]{20,100}/,
    /[A-Za-z0-9_-]{20,100}/,
  ]),
  token('anthropic-key', 'Anthropic key', 'critical', 'sk-ant-', /[a-z0-9]{3,12}-[A-Za-z0-9_-]{32,120}/),
  token('openrouter-key', 'OpenRouter key', 'high', 'sk-or-v1-', /[0-9a-f]{64}/),
  token('hugging-face-token', 'Hugging Face token', 'high', 'hf_*', /[A-Za-z]{34}/),
  token('replicate-token', 'Replicate token', 'high', 'r8_*', /[A-Za-z0-9]{37}/),
  token('groq-key', 'Groq key', 'high', 'gsk_', /[A-Za-z0-9]{48,56}/),
  // Watching and working together.
  token('grafana-token', 'Grafana token', 'critical', 'glsa_', /[A-Za-z0-9]{32}_[0-9a-f]{8}/),
  token('grafana-token', 'Grafana token', 'critical', 'glc_eyJ', /[A-Za-z0-9+/=]{32,400}/),
  token('new-relic-key', 'New Relic key', 'high', 'NRAK-', /[A-Z0-9]{27}/),
  token('sentry-token', 'Sentry token', 'high', 'sntrys_eyJ sntryu_', /[A-Za-z0-9+/=_]{40,300}/),
  token('dynatrace-token', 'Dynatrace token', 'high', 'dt0c01.', /[A-Z0-9]{24}\.[A-Z0-9]{64}/),
  token('linear-key', 'Linear key', 'high', 'lin_api_ lin_oauth_', /[A-Za-z0-9]{40,64}/),
  token('notion-token', 'Notion token', 'high', 'ntn_', /[A-Za-z0-9]{43,50}/),
  token('figma-token', 'Figma token', 'high', 'figd_ figo_', /[A-Za-z0-9_-]{38,60}/),
  {
    ...token(
      'json-web-token',
      'JSON web token',
      'medium',
      'eyJhbG eyJ0eX eyJraW eyJlbm eyJqd2',
      /[A-Za-z0-9_-]{6,2000}\.eyJ[A-Za-z0-9_-]{8,3500}\.[A-Za-z0-9_-]{8,1400}/,
    ),
    ...{ reach: 4096, accepts: ({ secret }) => isJwt(secret) },
  },
];

/** @param begins one or several beginnings, with blanks between; `*`: a letter or digit, of beginnings that are short */
function token(
  id: string,
  title: string,
  severity: SecretSeverity,
  begins: string,
  rest: RegExp,
  checksum?: SecretKind['checksum'],
): SecretKind {
  const starts = begins.split(' ');
  const anchors = begins.includes('*') ? starts.flatMap(expanded) : starts;
  return {
    ...{ id, title, severity, anchors },
    pattern: lazyPattern(() => `(?:${starts.map(escaped).join('|')})${rest.source}(?![A-Za-z0-9])`),
    ...(checksum && { checksum }),
  };
}

/** A token with letters in its middle that say what it is. @param around what is before them, and after */
function within(
  id: string,
  title: string,
  severity: SecretSeverity,
  middles: string,
  [before, after]: [before: RegExp, after: RegExp],
): SecretKind {
  const anchors = middles.split(' ');
  const middle = () => `(?:${anchors.map(escaped).join('|')})`;
  return {
    ...{ id, title, severity, anchors, inside: true },
    pattern: lazyPattern(
      () => `(?<=(?<![A-Za-z0-9])(?<start>${before.source}))${middle()}${after.source}(?![A-Za-z0-9])`,
    ),
  };
}

/** A secret after a word or an address that says what it is. */
function after(
  id: string,
  title: string,
  severity: SecretSeverity,
  words: string,
  secret: RegExp,
): SecretKind {
  const anchors = words.split(' ');
  return {
    ...{ id, title, severity, anchors, inside: true },
    pattern: lazyPattern(
      () => `(?:${anchors.map(escaped).join('|')})(?<secret>${secret.source})(?![A-Za-z0-9])`,
    ),
  };
}

function escaped(text: string): string {
  return text.replace('*', '').replace(/[.~-]/g, '\\$&');
}

function expanded(start: string): string[] {
  return start.endsWith('*') ? LETTERS_AND_DIGITS.map((letter) => start.slice(0, -1) + letter) : [start];
}
