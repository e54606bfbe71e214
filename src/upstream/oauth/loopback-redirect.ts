import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Clock } from "../../lib/clock.ts";
import { Refusal } from "./token-endpoint.ts";

/** Where a browser comes back to after a login. */
export interface LoopbackRedirect {
  /** Such as `http://127.0.0.1:50123/callback`. */
  readonly url: string;
  /** What the one request brought. @throws Refusal when none came in time; the signal's reason when it aborts. */
  readonly answer: Promise<URLSearchParams>;
  /** Takes no request any more. Safe to call twice. */
  close(): void;
}

/** What a redirect waits for. */
export interface RedirectRequest {
  /** 0: any that is free. */
  readonly port: number;
  readonly waitMs: number;
  readonly signal: AbortSignal;
  /** Whether the answer looks right, which is all that the browser is told. */
  readonly isGood: (answer: URLSearchParams) => boolean;
}

const PATH = "/callback";
const HEADERS = {
  "content-type": "text/plain; charset=utf-8",
  "cache-control": "no-store",
  "referrer-policy": "no-referrer",
  "content-security-policy": "default-src 'none'",
  "x-content-type-options": "nosniff",
  connection: "close",
};

/**
 * Listens on 127.0.0.1 for the one request that ends a login (RFC 8252, section 7.3). Anything else is answered with 404 and
 * changes nothing; after the one, after `waitMs` and after `close` nobody listens any more.
 *
 * @throws Error when the port cannot be had.
 */
export async function openRedirect(
  { port, waitMs, signal, isGood }: RedirectRequest,
  clock: Clock,
): Promise<LoopbackRedirect> {
  signal.throwIfAborted();
  const { promise: answer, resolve, reject } = Promise.withResolvers<URLSearchParams>();
  // Who closes before anybody waits is told by nothing else.
  answer.catch(() => undefined);
  const server = createServer((request, response) => {
    const params = paramsOf(request, hostOf(server));
    if (params === undefined) return say(response, 404, "There is nothing here.");
    const text = isGood(params)
      ? "Runlet has the answer. You may close this window."
      : "Runlet did not log in. The terminal says why.";
    // Whoever else has a connection open has come too late.
    response.on("finish", () => server.closeAllConnections());
    say(response, isGood(params) ? 200 : 400, text);
    close();
    resolve(params);
  });
  const close = (): void => {
    timer.cancel();
    signal.removeEventListener("abort", onAbort);
    server.close();
  };
  const onAbort = (): void => {
    close();
    server.closeAllConnections();
    reject(signal.reason);
  };
  const timer = clock.after(waitMs, () => {
    close();
    server.closeAllConnections();
    reject(new Refusal(`nobody logged in within ${Math.round(waitMs / 1_000)} seconds`));
  });
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await listening(server, port);
  } catch (error) {
    close();
    throw error;
  }
  return { url: `http://${hostOf(server)}${PATH}`, answer, close };
}

async function listening(server: Server, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen(port, "127.0.0.1", resolve);
  await promise;
  server.off("error", reject);
}

/** @returns `undefined` for what is not the request of a browser that comes back, such as one that was led here by another name. */
function paramsOf({ method, url = "", headers }: IncomingMessage, host: string): URLSearchParams | undefined {
  if (method !== "GET" || headers.host !== host || !URL.canParse(url, `http://${host}`)) return undefined;
  const { pathname, searchParams } = new URL(url, `http://${host}`);
  return pathname === PATH ? searchParams : undefined;
}

function hostOf(server: Server): string {
  return `127.0.0.1:${(server.address() as AddressInfo | null)?.port ?? 0}`;
}

function say(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, HEADERS).end(`${text}\n`);
}
