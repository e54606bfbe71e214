import { isSafeUrl } from "../../config/loopback.ts";
import type { Clock } from "../../lib/clock.ts";

/** What fetching takes. */
export interface FetchParts {
  readonly clock: Clock;
  /** Follows no redirect by itself. @default the platform's */
  readonly fetch?: typeof fetch;
}

/** Longest time for one document, redirects included. */
const TIMEOUT_MS = 5_000;
/** A set of keys is a few KiB, metadata hardly more. */
const MAX_BYTES = 256 * 1024;
const MAX_REDIRECTS = 3;

/**
 * Reads a JSON document of an authorization server: within 5 seconds and 256 KiB, over https, or http on this machine; each
 * address that it redirects to alike.
 *
 * @throws Error saying why there is none, without anything of its body.
 */
export async function fetchJson(address: string, { clock, fetch: send = fetch }: FetchParts): Promise<unknown> {
  const controller = new AbortController();
  const timer = clock.after(TIMEOUT_MS, () => controller.abort(new Error(`no answer within ${TIMEOUT_MS} ms`)));
  try {
    let url = address;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      if (!isSafeUrl(url)) throw new Error("it leads to an address that is neither https nor on this machine");
      const init = { redirect: "manual", headers: { accept: "application/json" }, signal: controller.signal } as const;
      const response = await send(url, init);
      const location = response.headers.get("location");
      if (response.status < 300 || response.status >= 400 || location === null) return await readJson(response);
      await response.body?.cancel();
      // Who is on the network must not be able to lead to what is on this machine.
      if (new URL(url).protocol === "https:" && !location.startsWith("https:") && URL.canParse(location)) {
        throw new Error("it leads away from https");
      }
      url = new URL(location, url).href;
    }
    throw new Error(`it redirects more than ${MAX_REDIRECTS} times`);
  } finally {
    timer.cancel();
    controller.abort();
  }
}

async function readJson(response: Response): Promise<unknown> {
  if (!response.ok || response.body === null) throw new Error(`HTTP ${response.status}`);
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of response.body) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) throw new Error(`its answer is over ${MAX_BYTES} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  try {
    return JSON.parse(text + decoder.decode());
  } catch (cause) {
    throw new Error("its answer is not JSON", { cause });
  }
}
