import { allowsServer } from "../../config/access.ts";
import type { Principal } from "../../config/principal.ts";
import { RunletError } from "../../lib/errors.ts";
import type { UpstreamRegistry, UpstreamStatus } from "../../upstream/upstream.ts";
import type { HttpDeps } from "../deps.ts";
import { json, operation, type AnyOperation } from "../operation.ts";
import { didYouMean } from "../problem.ts";
import { arrayOf, objectOf, ref } from "../response-schemas.ts";

/** The MCP servers behind the gateway: their state, and a way to start one anew. */
export function serverOperations(deps: HttpDeps): AnyOperation[] {
  return [listServers(deps), restartServer(deps)];
}

function listServers({ registry, pins }: HttpDeps): AnyOperation {
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
      const shown = servers.map((status) => ({
        ...toServerJson(status, principal),
        ...(principal.admin ? toGuardJson(status.name, { registry, pins }) : {}),
      }));
      return json({ servers: shown });
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
      if (upstream === undefined) throw unknownServer("restart", name, registry);
      await upstream.restart();
      log.info({ requestId, server: name, principal: principal.id }, "server restarted");
      return json(toServerJson(upstream.status(), principal));
    },
  });
}

/** The failure of an operation on a server that is not configured. @param verb What was to be done to it. */
export function unknownServer(verb: string, name: string, registry: UpstreamRegistry): RunletError {
  const known = registry.list().map((other) => other.config.name);
  const rule = `Cannot ${verb} server ${JSON.stringify(name)} as no such server is configured.`;
  return new RunletError("NOT_FOUND", rule, didYouMean(name, known, "GET /servers lists them."));
}

/** Names of tools kept short: `GET /servers/{name}/pins` has all. */
const MAX_NAMES = 50;

/** What administrators may have to act on: tools that changed, and texts that look hostile. */
function toGuardJson(name: string, { registry, pins }: Pick<HttpDeps, "registry" | "pins">): object {
  const findings = registry.findings(name);
  const isPinned = (registry.get(name)?.config.pinning ?? "off") !== "off";
  const { state, changed, added, removed, instructionsChanged } = pins.view(name);
  const [few, fewAdded, fewRemoved] = [changed, added, removed].map((names) => names.slice(0, MAX_NAMES));
  return {
    ...(isPinned && { pins: { state, changed: few, added: fewAdded, removed: fewRemoved, instructionsChanged } }),
    ...(findings.length > 0 && { findings }),
  };
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
