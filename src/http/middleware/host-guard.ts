import type { HttpConfig } from "../../config/config.ts";
import { RunletError } from "../../lib/errors.ts";
import { matchesAnyGlob } from "../../lib/glob.ts";
import type { AppMiddleware } from "../context.ts";

/** The listener's end of a connection, as far as it is known. */
export interface ListenerAddress {
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
}

const LOOPBACK_HOSTS: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"]);
const HOST = /^(?<name>\[[\da-f:.]+\]|[^\s:/?#@[\]\\]+)(?::(?<port>\d{1,5}))?$/iu;
const DEFAULT_PORTS = new Map([
  ["http:", 80],
  ["https:", 443],
]);

/**
 * Whether an authority (`name` or `name:port`) names this listener: a loopback name or the address the connection came in
 * on, with the listener's port; or one of the operator's.
 *
 * A page of a foreign site that rebinds its own name to our address still sends its own name, which is none of these.
 *
 * @param defaultPort What an authority without a port means.
 */
export function isOwnAuthority(
  authority: string,
  config: Pick<HttpConfig, "host" | "port" | "allowedHosts">,
  listener: ListenerAddress,
  defaultPort = 80,
): boolean {
  const groups = HOST.exec(authority)?.groups;
  const name = groups?.["name"]?.toLowerCase();
  if (name === undefined) return false;
  const port = groups?.["port"] === undefined ? defaultPort : Number(groups["port"]);
  if (port === (listener.localPort ?? config.port)) {
    if (LOOPBACK_HOSTS.has(name) || name === asHost(config.host)) return true;
    if (listener.localAddress !== undefined && name === asHost(listener.localAddress)) return true;
  }
  const allowed = config.allowedHosts.map((host) => host.toLowerCase());
  return matchesAnyGlob(allowed, name) || matchesAnyGlob(allowed, `${name}:${port}`);
}

/** Whether an `Origin` header is a page of our own. */
export function isOwnOrigin(
  origin: string,
  config: Pick<HttpConfig, "host" | "port" | "allowedHosts">,
  listener: ListenerAddress,
): boolean {
  if (!URL.canParse(origin)) return false;
  const { protocol, host } = new URL(origin);
  const defaultPort = DEFAULT_PORTS.get(protocol);
  return defaultPort !== undefined && isOwnAuthority(host, config, listener, defaultPort);
}

/**
 * Refuses requests whose Host, or Origin where there is one, is not ours: against DNS rebinding and requests forged by web
 * pages.
 *
 * @param config `allowedHosts` are globs of `name` (any port) or `name:port`.
 */
export function hostGuard(config: HttpConfig): AppMiddleware {
  return async (c, next) => {
    const socket = c.env?.incoming?.socket;
    const listener = { localAddress: socket?.localAddress, localPort: socket?.localPort };
    const url = new URL(c.req.url);
    const targetPort = DEFAULT_PORTS.get(url.protocol) ?? 80;
    for (const host of new Set([c.req.header("host") ?? url.host, url.host])) {
      if (!isOwnAuthority(host, config, listener, targetPort)) throw notOurs("Host", host);
    }
    const origin = c.req.header("origin");
    if (origin !== undefined && !isOwnOrigin(origin, config, listener)) throw notOurs("Origin", origin);
    await next();
  };
}

function notOurs(header: string, value: string): RunletError {
  return new RunletError(
    "FORBIDDEN",
    `Cannot answer the request as its ${header} must name this service: current value is ${JSON.stringify(value.slice(0, 255))}.`,
    { hint: "Use the address the service listens on, or have the operator add the name to `allowedHosts`." },
  );
}

/** An address of a socket as an authority writes it: IPv6 in brackets, IPv4 without its IPv6 prefix. */
function asHost(address: string): string {
  const plain = address.toLowerCase().replace(/^::ffff:(?=\d+\.)/u, "");
  return plain.includes(":") ? `[${plain}]` : plain;
}
