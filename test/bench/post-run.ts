import { Agent, request } from "node:http";

/** Posts scripts to a service over one kept connection, with less work of its own than `fetch`. */
export interface Poster {
  /** @returns The script's value, and ms from the request to the parsed answer. @throws Error unless the run succeeds. */
  run(script: string): Promise<{ readonly result: unknown; readonly ms: number }>;
  close(): void;
}

/** @param url Of a service. */
export function createPoster(url: string): Poster {
  const agent = new Agent({ keepAlive: true });
  return {
    run(script) {
      const startedAt = performance.now();
      const body = JSON.stringify({ script });
      const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
      return new Promise((resolve, reject) => {
        const outgoing = request(`${url}/run`, { agent, method: "POST", headers }, (response) => {
          let text = "";
          response.setEncoding("utf8").on("data", (part: string) => {
            text += part;
          });
          response.once("end", () => {
            const { status, result } = JSON.parse(text) as { readonly status: unknown; readonly result: unknown };
            const ms = performance.now() - startedAt;
            if (status === "succeeded") resolve({ result, ms });
            else reject(new Error(text));
          });
        });
        outgoing.once("error", reject);
        outgoing.end(body);
      });
    },
    close: () => agent.destroy(),
  };
}
