/** Files that hold secrets, by the part of their path that gives them away. */
const SECRET_PATH = new RegExp(
  [
    "(?:~|\\$home|%userprofile%|/root|/home/[\\w.-]+|/users/[\\w.-]+)[/\\\\]\\.(?:ssh|aws|gnupg|kube|docker|azure|config/gcloud|netrc|npmrc|pypirc|git-credentials|bash_history|zsh_history|cursor|claude)(?![\\w-]|[/\\\\][\\w.-]+\\.pub(?![\\w-]))",
    "(?<![\\w-])\\.ssh[/\\\\](?![\\w.-]+\\.pub(?![\\w-]))",
    "(?<![\\w-])id_(?:rsa|dsa|ecdsa|ed25519)(?![\\w-]|\\.pub(?![\\w-]))",
    "(?<![\\w-])\\.aws[/\\\\](?:credentials|config)",
    "(?<![\\w-])\\.kube[/\\\\]config",
    "(?<![\\w-])\\.docker[/\\\\]config\\.json",
    "(?<![\\w-])\\.(?:cursor|claude)[/\\\\](?:mcp|settings)[\\w.]*json",
    "(?<![\\w-])claude_desktop_config\\.json",
    "(?<![\\w./-])/etc/(?:passwd|shadow|sudoers|ssh|kubernetes/admin\\.conf)(?![\\w-])",
    "(?<![\\w-])/proc/(?:self|\\d+)/(?:environ|cmdline|mem)(?![\\w-])",
    "(?<![\\w-])\\.(?:netrc|npmrc|pypirc|git-credentials|pgpass|htpasswd)(?![\\w-])",
    "(?<![\\w)\\]*}?-])\\.env(?:\\.(?:local|production|prod|development|staging))?(?![\\w.-])",
    "(?:windows[/\\\\]system32[/\\\\]config[/\\\\]sam|[/\\\\]login data(?![\\w-])|[/\\\\]cookies\\.sqlite|wallet\\.dat)(?![\\w-])",
    "(?<![\\w-])169\\.254\\.169\\.254(?!\\d)",
  ].join("|"),
  "iu",
);

/** Hosts where anybody reads what anybody sends. */
const DROP_HOST =
  /(?<![\w-])(?:webhook\.site|requestbin\.(?:com|net)|[\w-]+\.(?:pipedream\.net|ngrok\.io|ngrok-free\.app|ngrok\.app|trycloudflare\.com|loca\.lt|serveo\.net|burpcollaborator\.net|oastify\.com|interact\.sh|oast\.(?:fun|live|pro|site|online|me)|dnslog\.cn|ceye\.io|requestcatcher\.com|beeceptor\.com)|pastebin\.com|hastebin\.com|paste\.ee|dpaste\.com|termbin\.com|transfer\.sh|file\.io|0x0\.st|hookb\.in|postb\.in|ptsv\d?\.com|discord(?:app)?\.com\/api\/webhooks|hooks\.slack\.com\/services|api\.telegram\.org\/bot)(?![\w-])/iu;
const IMAGE = /!\[[^\]\n]{0,200}\]\(\s{0,4}(?:https?:)?\/\//iu;
/** A query that leaves a place for what is to be sent: `?q={secret}`, `&data=<contents>`, `?d=$(cat …)`. */
const FILLED_QUERY =
  /https?:\/\/[^\s"'<>?]{3,200}\?(?:[\w.-]{1,40}=[^\s"'<>&]{0,60}&){0,6}[\w.-]{1,40}=(?:\$?\{\{?|<|%7b|\[|\$\()[\w\s.-]{0,40}(?:secret|token|key|password|passwd|content|data|file|history|conversation|message|prompt|context|base64|encoded|result|output|response|env|user|email|credential|cookie|cat )/iu;
const SENT_AWAY =
  /\b(?:send|post|upload|forward|transmit|exfiltrate|copy|leak|bcc|cc|e-?mail|deliver|report)\b[^.!?\n]{0,80}\b(?:to|at|via)\s{1,3}["'`<]?(?:https?:\/\/(?!localhost|127\.|\[::1\]|(?:[\w-]+\.)*example\.(?:com|org|net))[\w.-]+|[\w.+-]{1,64}@(?!(?:[\w-]+\.)*example\.(?:com|org|net))[\w-]+\.[\w.-]+)/iu;
const DATA_URL =
  /\bdata:(?:text\/html|application\/(?:x-)?javascript|text\/javascript|image\/svg\+xml)\b|\bdata:[\w.+-]{1,40}\/[\w.+-]{1,40}(?:;[\w=.-]{1,40}){0,4},[\w+/%=-]{24}/iu;
const RAW_ADDRESS =
  /https?:\/\/(?!127\.|10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|0\.0\.0\.0|169\.254\.|192\.0\.2\.|198\.51\.100\.|203\.0\.113\.)\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?![\d.]*\d)/iu;
const EXFILTRATION = [DROP_HOST, IMAGE, FILLED_QUERY, SENT_AWAY, DATA_URL, RAW_ADDRESS];

/** Where a text names a file or address that holds secrets. @returns UTF-16 index. */
export function findSecretPath(text: string): number | undefined {
  return SECRET_PATH.exec(text)?.index;
}

/** Where a text names an address that data could be sent to. @returns UTF-16 index. */
export function findExfiltration(text: string): number | undefined {
  return EXFILTRATION.map((rule) => rule.exec(text)?.index)
    .filter((index) => index !== undefined)
    .sort((a, b) => a - b)[0];
}

const BASE64 = /[A-Za-z0-9+/_-]{40,}={0,2}/gu;
const ESCAPES = /(?:\\x[\da-f]{2}|\\u\{?[\da-f]{4,6}\}?|%[\da-f]{2}|&#x?[\da-f]{2,6};){16}/iu;
const HEX = /(?<![\da-f])[\da-f]{128}/iu;
/** A run so long is no name, whatever it holds. */
const LONG_RUN = 160;
/** Decoded, a text in disguise is mostly letters and has spaces. */
const DISGUISED = /^[\t\n\r -~]{24,}$/u;

/** Where a text holds a long run of base64, hexadecimal digits or escapes that nobody can read. @returns UTF-16 index. */
export function findBlob(text: string): number | undefined {
  const coded = ESCAPES.exec(text)?.index ?? HEX.exec(text)?.index;
  for (const { index, 0: run } of text.matchAll(BASE64)) {
    if (coded !== undefined && coded < index) return coded;
    if (isBlob(run)) return index;
  }
  return coded;
}

function isBlob(run: string): boolean {
  const isMixed = /[a-z]/u.test(run) && /[A-Z]/u.test(run) && /\d/u.test(run);
  if (!isMixed) return false;
  if (run.length >= LONG_RUN) return true;
  const decoded = Buffer.from(run.slice(0, LONG_RUN), "base64").toString("latin1").slice(0, -3);
  return DISGUISED.test(decoded) && / /u.test(decoded);
}
