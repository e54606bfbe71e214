import { hasAuthorization } from "../../config/authorization-header.ts";
import type { UpstreamConfig } from "../../config/config.ts";
import { isSafeUrl } from "../../config/loopback.ts";
import { checkMasterKey, tokensPlaceOf } from "../../config/secrets/tokens-place.ts";
import { systemClock } from "../../lib/clock.ts";
import { RunletError } from "../../lib/errors.ts";
import { nearestNames } from "../../lib/nearest.ts";
import { createGrantStore, type GrantStore } from "../../upstream/oauth/grant-store.ts";
import { login } from "../../upstream/oauth/login.ts";
import { parseArguments } from "../arguments.ts";
import { EXIT } from "../io.ts";
import type { CliIo } from "../io.ts";
import { openBrowser } from "../open-browser.ts";
import { CONFIG_FLAGS, CONFIG_FLAGS_TEXT, loadSettings } from "../settings.ts";
import type { Settings } from "../settings.ts";
import { findVerb } from "../verbs.ts";
import type { VerbRequest } from "../verbs.ts";

const USAGE = `Usage: runlet auth login SERVER [--no-browser] [--port N]   logs in to a server in the browser
       runlet auth list [--json]               whose tokens are kept and how long they last, never the tokens
       runlet auth logout SERVER               forgets its tokens
`;
/** What `runlet auth --help` prints. */
export const AUTH_USAGE = `${USAGE}
The tokens are kept beside the secrets, encrypted with the same master key, which must be there. A running service takes them up
by itself. The browser comes back to 127.0.0.1 of this machine: where it runs elsewhere, forward the port of --port.

  --no-browser          Print the address only.
  --port N              Port of 127.0.0.1 that the browser comes back to. Any that is free when missing.
${CONFIG_FLAGS_TEXT}`;

const FLAGS = {
  ...CONFIG_FLAGS,
  "no-browser": { type: "boolean" },
  // Of the listener elsewhere, of the redirect here.
  port: { type: "string" },
  json: { type: "boolean" },
} as const;

/** What the verbs work on. */
interface AuthParts {
  readonly settings: Settings;
  readonly grants: GrantStore;
}

/** Does a verb. @returns Its exit code, or what is wrong with the command in one sentence. */
type AuthVerb = (request: VerbRequest, parts: AuthParts) => Promise<number | string>;

const VERBS: ReadonlyMap<string, AuthVerb> = new Map<string, AuthVerb>([
  ["login", logIn],
  ["list", list],
  ["logout", logOut],
]);

/**
 * `runlet auth login|list|logout`: tokens of servers where a person must consent.
 *
 * @param args After `auth`.
 * @returns Exit code: 0; 1 when it could not be done; 2 when the command was not understood.
 * @throws CONFIG_INVALID when the configuration cannot be used or tokens cannot be kept; UPSTREAM_UNAVAILABLE when nobody is
 *   logged in.
 */
export async function authCommand(args: readonly string[], io: CliIo, stopped: AbortSignal): Promise<number> {
  const parsed = parseArguments(args, FLAGS);
  if ("fault" in parsed) return refuse(parsed.fault, io);
  const found = findVerb("auth", VERBS, parsed.positionals);
  if ("fault" in found) return refuse(found.fault, io);
  const { verb, rest } = found;
  // The port is that of the redirect: the listener's is not asked for here.
  const settings = loadSettings(new Map([...parsed.values].filter(([flag]) => flag !== "port")), io);
  const { secretsPlace } = settings.config;
  if (secretsPlace === undefined) return refuse("There is no place for tokens.", io);
  const grants = createGrantStore(tokensPlaceOf(secretsPlace), systemClock);
  const result = await verb({ ...parsed, rest, io, stopped }, { settings, grants });
  return typeof result === "number" ? result : refuse(result, io);
}

async function logIn(request: VerbRequest, { settings, grants }: AuthParts): Promise<number | string> {
  const { values, rest, io, stopped } = request;
  const [name, ...extra] = rest;
  if (name === undefined || extra.length > 0) return "One server is needed.";
  const port = Number(values.get("port") ?? 0);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) return "The port is a whole number up to 65535.";
  const { secretsPlace, upstreams } = settings.config;
  const { url, oauth } = loginTarget(name, upstreams);
  // Before anybody is sent to a browser in vain.
  if (secretsPlace !== undefined) checkMasterKey(secretsPlace);
  const open = values.get("no-browser") === true ? undefined : (io.openBrowser ?? openBrowser);
  const grant = await login(
    {
      server: name,
      url,
      oauth,
      port,
      signal: stopped,
      show({ address, issuer, resource }) {
        io.stderr(`${issuer} is asked for access to ${resource}. Open this address in a browser:\n\n${address}\n\n`);
        open?.(address);
      },
    },
    { clock: systemClock, grants },
  );
  const lasts =
    grant.refreshToken === undefined ? "It is not renewed: log in again when it ends." : "It is renewed in time.";
  io.stdout(`Logged in to ${name} at ${grant.issuer}. ${lasts}\n`);
  return EXIT.ok;
}

/** @throws CONFIG_INVALID when nobody can log in to the server. */
function loginTarget(name: string, upstreams: readonly UpstreamConfig[]) {
  const upstream = upstreams.find((each) => each.name === name);
  const refused = (rule: string, hint: string): RunletError =>
    new RunletError("CONFIG_INVALID", `Cannot log in to server ${JSON.stringify(name)} as ${rule}.`, { hint });
  if (upstream === undefined) {
    const [nearest] = nearestNames(
      name,
      upstreams.map((each) => each.name),
      1,
    );
    const hint = nearest === undefined ? "`runlet servers list` shows them." : `Did you mean ${nearest}?`;
    throw refused("it must be configured: there is no such server", hint);
  }
  const { transport } = upstream;
  if (transport.kind !== "http") throw refused("it must be reached by a url: it is a process", "It needs no login.");
  const { url, headers, oauth } = transport;
  if (oauth?.flow === "clientCredentials")
    throw refused(
      "its oauth.flow must be authorizationCode: it is clientCredentials",
      "The service gets its tokens itself.",
    );
  if (hasAuthorization(headers))
    throw refused("it must have no header Authorization: it has one", "Remove that header to use a login.");
  if (!isSafeUrl(url)) throw refused("tokens must travel over https: its url is http", "Reach the server over https.");
  return { url, oauth };
}

async function list({ values, rest, io }: VerbRequest, { grants }: AuthParts): Promise<number | string> {
  if (rest.length > 0) return `Unknown: ${rest.join(" ")}`;
  const rows = grants.list().map(({ server, issuer, resource, scope, refreshToken, expiresAtMs }) => ({
    server,
    issuer,
    resource,
    scope,
    expiresAt: expiresAtMs === undefined ? undefined : new Date(expiresAtMs).toISOString(),
    isRenewed: refreshToken !== undefined,
  }));
  if (values.get("json") === true) io.stdout(`${JSON.stringify(rows, null, 2)}\n`);
  else if (rows.length === 0) io.stderr("Nobody has logged in. Do so: runlet auth login SERVER\n");
  else
    for (const { server, issuer, expiresAt, isRenewed } of rows)
      io.stdout(
        `${server.padEnd(20)}  ${issuer}  ${isRenewed ? "renewed in time" : `until ${expiresAt ?? "it is refused"}`}\n`,
      );
  return EXIT.ok;
}

async function logOut({ rest, io }: VerbRequest, { grants }: AuthParts): Promise<number | string> {
  const [name, ...extra] = rest;
  if (name === undefined || extra.length > 0) return "One server is needed.";
  if ((await grants.remove(name)) === 0) {
    io.stderr(`Nobody has logged in to ${name}. \`runlet auth list\` shows who is.\n`);
    return EXIT.failed;
  }
  io.stdout(
    `The tokens of ${name} are removed. The authorization server was not told: revoke the access there if need be.\n`,
  );
  return EXIT.ok;
}

function refuse(fault: string, io: CliIo): number {
  io.stderr(`${fault}\n${USAGE}`);
  return EXIT.usage;
}
