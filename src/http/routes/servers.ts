import { allowsServer } from "../../config/access.ts";
import type { Principal } from "../../config/principal.ts";
import { RunletError } from "../../lib/errors.ts";
import type { UpstreamStatus } from "../../upstream/upstream.ts";
import type { HttpDeps } from "../deps.ts";
import { json, operation, type AnyOperation } from "../operation.ts";
import { didYouMean } from "../problem.ts";
import { arrayOf, objectOf, ref } from "../response-schemas.ts";

/** The MCP servers behind the gateway: their state, and a way to start one anew. */
export function serverOperations(deps: HttpDeps): AnyOperation[] {
  return [listServers(deps), restartServer(deps)];
}

function listServers({ registry }: HttpDeps): AnyOperation {
  return operation({
    method: "GET",
    path: "/servers",
    access: "caller",
    tag: "Servers",
    summary: "The servers the caller may use, and how they are; administrators see their processes too.",
    answers: { 200: { description: "All of them.", schema: objectOf({ servers: arrayOf(ref("Server")) }) } },
    handle({ principal }) {
      const visible = registry.list().map((upstream) => upstream.status());
      const servers = visible.filter((status) => allowsServer(principal.access, status.name));
      return json({ servers: servers.map((status) => toServerJson(status, principal)) });
    },
  });
}

function restartServer({ registry, log }: HttpDeps): AnyOperation {
  return operation({
    method: "POST",
    path: "/servers/:name/restart",
    access: "admin",
    tag: "Servers",
    summary: "Stop a server; it starts again on its next use.",
    answers: { 200: { description: "The server, stopped.", schema: ref("Server") } },
    async handle({ principal, requestId, param }) {
      const name = param("name");
      const upstream = registry.get(name);
      if (upstream === undefined) {
        const known = registry.list().map((other) => other.config.name);
        const rule = `Cannot restart server ${JSON.stringify(name)} as no such server is configured.`;
        throw new RunletError("NOT_FOUND", rule, didYouMean(name, known, "GET /servers lists them."));
      }
      await upstream.restart();
      log.info({ requestId, server: name, principal: principal.id }, "server restarted");
      return json(toServerJson(upstream.status(), principal));
    },
  });
}

/** What a server's process is and writes is for administrators: it may tell of the machine. */
function toServerJson(status: UpstreamStatus, principal: Principal): Readonly<Record<string, unknown>> {
  const { lastFailure, droppedTools, pid, sessions, stderr, ...rest } = status;
  return {
    ...rest,
    lastFailure: lastFailure && { ...lastFailure, at: new Date(lastFailure.at).toISOString() },
    droppedTools: droppedTools.length > 0 ? droppedTools : undefined,
    ...(principal.admin ? { pid, sessions, stderr } : {}),
  };
}
