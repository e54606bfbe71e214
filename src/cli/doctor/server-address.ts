import { connect, isIP } from "node:net";
import type { Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { TLSSocket } from "node:tls";
import { isSafeUrl } from "../../config/loopback.ts";
import { isSecretName } from "../../config/secret-names.ts";
import type { Clock } from "../../lib/clock.ts";
import { checksOf } from "./health-check.ts";
import type { HealthCheck } from "./health-check.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
/** A certificate that ends sooner is to be renewed now. */
const SOON_DAYS = 14;
const HTTP_PORT = 80;
const HTTPS_PORT = 443;

/** A server's address, and how long it may take to answer. */
export interface ServerAddress {
  readonly server: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

/**
 * Whether a server's address takes connections, with a certificate that is trusted, and whether credentials are safe on the
 * way there. Nothing is sent.
 */
export async function addressChecks(
  address: ServerAddress,
  { clock, offline }: { readonly clock: Clock; readonly offline: boolean },
): Promise<readonly HealthCheck[]> {
  const { server, url, headers } = address;
  const { warn } = checksOf("servers", server);
  const names = Object.keys(headers).filter(isSecretName);
  const seen = offline ? [] : [await reachCheck(address, clock)];
  if (names.length === 0 || isSafeUrl(url)) return seen;
  const detail = `${names.join(", ")} would travel to ${new URL(url).host} where others can read it`;
  return [...seen, warn("transport", detail, `Use https:// in url of mcpServers.${server}.`)];
}

async function reachCheck(address: ServerAddress, clock: Clock): Promise<HealthCheck> {
  const { ok, warn, fail } = checksOf("servers", address.server);
  // Paths and queries may hold secrets.
  const { origin } = new URL(address.url);
  const mend = `Start the server, or correct url of mcpServers.${address.server}.`;
  const found = await reach(address, clock);
  if ("code" in found) return fail("address", `${origin} does not answer: ${found.code}`, mend);
  const { certificate } = found;
  if (certificate === undefined) return ok("address", `${origin} answers`);
  if (certificate.refused !== undefined) {
    const remedy = "Renew it, or name the authority that signed it: NODE_EXTRA_CA_CERTS=FILE.";
    return fail("address", `${origin} has a certificate that is not trusted: ${certificate.refused}`, remedy);
  }
  const days = Math.floor((certificate.untilMs - clock.now()) / DAY_MS);
  const detail = `${origin} answers; its certificate is good for ${days} days`;
  return days < SOON_DAYS ? warn("address", detail, "Renew the certificate.") : ok("address", detail);
}

type Reached =
  | { readonly code: string }
  | { readonly certificate: { readonly refused: string | undefined; readonly untilMs: number } | undefined };

function reach({ url, timeoutMs }: ServerAddress, clock: Clock): Promise<Reached> {
  const { hostname, protocol, port } = new URL(url);
  const host = hostname.replace(/^\[(.*)\]$/u, "$1");
  const isSecure = protocol === "https:";
  const to = { host, port: port === "" ? (isSecure ? HTTPS_PORT : HTTP_PORT) : Number(port) };
  return new Promise((resolve) => {
    const tls = isSecure
      ? connectTls({ ...to, rejectUnauthorized: false, ...(isIP(host) === 0 && { servername: host }) })
      : undefined;
    const socket: Socket = tls ?? connect(to);
    const timer = clock.after(timeoutMs, () => end({ code: `nothing for ${timeoutMs} ms` }));
    const end = (reached: Reached): void => {
      timer.cancel();
      socket.destroy();
      resolve(reached);
    };
    socket.once("error", (error: NodeJS.ErrnoException) => end({ code: error.code ?? error.message }));
    socket.once(tls === undefined ? "connect" : "secureConnect", () => end({ certificate: tls && certificateOf(tls) }));
  });
}

function certificateOf(socket: TLSSocket): { readonly refused: string | undefined; readonly untilMs: number } {
  const untilMs = Date.parse(socket.getPeerCertificate().valid_to);
  if (socket.authorized) return { refused: undefined, untilMs };
  const reason: unknown = socket.authorizationError;
  return {
    refused: reason instanceof Error ? String((reason as NodeJS.ErrnoException).code) : String(reason),
    untilMs,
  };
}
