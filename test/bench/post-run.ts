import { Agent, request } from "node:http";

/** Posts JSON over kept connections, with less work of its own than `fetch`: one connection for each request in flight. */
export interface JsonPoster {
  /**
   * @returns The answer's JSON, and ms from the request to the parsed answer. @throws Error when there is no answer, or one
   *   that is not JSON.
   */
  post(path: string, body: unknown): Promise<JsonAnswer>;
  close(): void;
}

/** An answer with a body of JSON. */
export interface JsonAnswer {
  readonly status: number;
  readonly body: unknown;
  readonly ms: number;
}

/**
 * How long an idle connection is kept: less than any of the servers keeps it. Otherwise a request may meet the server's end of
 * the connection, which would look like an answer that was lost. A request under way is not bound by it.
 */
const IDLE_MS = 2_500;

/** @param headers Of every request, beside those of its body. */
export function createJsonPoster(url: string, headers: Readonly<Record<string, string>> = {}): JsonPoster {
  const agent = new Agent({ keepAlive: true, timeout: IDLE_MS });
  const send = (path: string, body: string): Promise<{ readonly status: number; readonly text: string }> =>
    new Promise((resolve, reject) => {
      const all = { ...headers, "content-type": "application/json", "content-length": Buffer.byteLength(body) };
      const outgoing = request(url + path, { agent, method: "POST", headers: all }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (part: string) => {
          text += part;
        });
        response.once("error", reject);
        response.once("end", () => resolve({ status: response.statusCode ?? 0, text }));
      });
      outgoing.once("error", (cause) => {
        const connection = outgoing.reusedSocket ? "a kept connection" : "a new connection";
        reject(new Error(`${cause.message} on ${connection}`, { cause }));
      });
      outgoing.end(body);
    });
  return {
    async post(path, body) {
      const startedAt = performance.now();
      const { status, text } = await send(path, JSON.stringify(body));
      const answer: unknown = JSON.parse(text);
      return { status, body: answer, ms: performance.now() - startedAt };
    },
    close: () => agent.destroy(),
  };
}

/** Posts scripts to a service. */
export interface Poster {
  /** @returns The script's value, and ms from the request to the parsed answer. @throws Error unless the run succeeds. */
  run(script: string): Promise<{ readonly result: unknown; readonly ms: number }>;
  close(): void;
}

/** @param url Of a service. */
export function createPoster(url: string): Poster {
  const poster = createJsonPoster(url);
  return {
    async run(script) {
      const { body, ms } = await poster.post("/run", { script });
      const { status, result } = body as { readonly status: unknown; readonly result: unknown };
      if (status !== "succeeded") throw new Error(JSON.stringify(body).slice(0, 1_000));
      return { result, ms };
    },
    close: () => poster.close(),
  };
}
