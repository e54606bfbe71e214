import { type IncomingMessage, request, type ServerResponse } from "node:http";

/** Sends a request on to another server, and its answer back, both as they flow. */
export function forwardTo(target: string, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const { method, headers } = incoming;
  const passed = request(target, { method, headers: { ...headers, host: new URL(target).host } }, (response) => {
    outgoing.writeHead(response.statusCode ?? 500, response.headers);
    response.pipe(outgoing);
  });
  passed.on("error", () => outgoing.destroy());
  incoming.pipe(passed);
}
