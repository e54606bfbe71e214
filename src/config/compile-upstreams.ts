import { resolve } from "node:path";
import { hasAuthorization } from "./authorization-header.ts";
import { checkNoContainer, compileContainer } from "./compile-container.ts";
import { compileLifecycle } from "./compile-lifecycle.ts";
import { compilePolicies } from "./compile-policies.ts";
import { type CompiledTimeouts, compileTimeouts } from "./compile-timeouts.ts";
import type { LifecycleConfig, UpstreamConfig, UpstreamTransportConfig } from "./config.ts";
import type { CallPolicies } from "./call-policies.ts";
import type { FaultReport } from "./fault-report.ts";
import { compileGuard } from "./guard-keys.ts";
import type { GuardConfig } from "./guard-keys.ts";
import { compileOAuth } from "./oauth-keys.ts";
import type { Options, ServerOptions } from "./options.ts";
import type { KeyPath } from "./problem.ts";
import { compileQuestions } from "./question-keys.ts";
import type { QuestionConfig } from "./question-keys.ts";
import { compileRedaction } from "./redaction-keys.ts";
import type { RedactionConfig } from "./redaction-keys.ts";
import { NAME_RULE, SERVER_KEYS } from "./schema.ts";
import { parseDuration } from "./units.ts";

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/u;
const HEADER_VALUE = /^[\t\x20-\x7e\u0080-\u00ff]*$/u;

/** The servers of `mcpServers` and `servers` together, disabled ones left out, in the order they are written. */
export function compileUpstreams(options: Options, fileDir: string, report: FaultReport): UpstreamConfig[] {
  const upstreams: UpstreamConfig[] = [];
  const names = new Set<string>();
  for (const section of ["mcpServers", "servers"] as const) {
    for (const [name, server] of Object.entries(options[section] ?? {})) {
      const path = [section, name];
      checkName(name, names, path, report);
      if (server.disabled === true) continue;
      const transport = compileTransport(server, path, fileDir, report);
      const lifecycle = compileLifecycle(server, path, report);
      const policies = compilePolicies(server, options, path, report);
      const guard = compileGuard(server, options);
      if (transport !== undefined)
        upstreams.push({
          ...compileUpstream(name, server, transport, lifecycle),
          ...compileTimeouts(server, options.timeout),
          ...policies,
          ...guard,
          ...compileQuestions(server),
          ...compileRedaction(server, options),
        });
    }
  }
  return upstreams;
}

function checkName(name: string, names: Set<string>, path: KeyPath, report: FaultReport): void {
  if (!NAME_RULE.server.test(name)) {
    const rule = "must be named with 1 to 64 characters, without spaces and without two underscores in a row";
    report({ path, rule, value: name, remedy: "Rename the server." });
  }
  if (names.has(name))
    report({ path, rule: "must have a name of its own", value: name, remedy: "Rename one of the two." });
  names.add(name);
}

function compileUpstream(
  name: string,
  server: ServerOptions,
  transport: UpstreamTransportConfig,
  lifecycle: LifecycleConfig,
): Omit<
  UpstreamConfig,
  keyof CallPolicies | keyof GuardConfig | keyof QuestionConfig | keyof RedactionConfig | keyof CompiledTimeouts
> {
  const { concurrency } = SERVER_KEYS;
  const places = typeof server.concurrency === "number" ? { limit: server.concurrency } : (server.concurrency ?? {});
  const { limit, queue, wait } = concurrency.properties;
  return {
    name,
    transport,
    connectTimeoutMs: parseDuration(server.connectTimeout ?? "") ?? SERVER_KEYS.connectTimeout.default,
    eager: server.eager ?? SERVER_KEYS.eager.default,
    concurrency: places.limit ?? limit.default,
    queueLimit: places.queue ?? queue.default,
    queueWaitMs: parseDuration(places.wait ?? "") ?? wait.default,
    allowTools: server.tools?.allow,
    denyTools: server.tools?.deny ?? [],
    trustAnnotations: server.trustAnnotations ?? SERVER_KEYS.trustAnnotations.default,
    classes: new Map(Object.entries(server.classes ?? {})),
    lifecycle,
  };
}

function compileTransport(
  server: ServerOptions,
  path: KeyPath,
  fileDir: string,
  report: FaultReport,
): UpstreamTransportConfig | undefined {
  const { command, image, url, type } = server;
  const [wanted, ...others] = (["command", "image", "url"] as const).filter((key) => server[key] !== undefined);
  if (wanted === undefined || others.length > 0) {
    const rule = "must have one of a command, an image and a url";
    const value = wanted === undefined ? "none" : [wanted, ...others].join(" and ");
    const remedy =
      "Write the command that starts the server, the image of its container, or the url where it is reached.";
    report({ path, rule, value, remedy });
    return undefined;
  }
  if (type !== undefined && (type === "stdio") === (url !== undefined)) {
    const rule = `must go with ${wanted}`;
    report({ path: [...path, "type"], rule, value: type, remedy: "Remove the type; it is found from the other keys." });
  }
  if (image === undefined) checkNoContainer(server, path, report);
  if (url === undefined && server.oauth !== undefined) {
    const rule = "must go with a url: only a server that is reached over HTTP takes tokens";
    report({ path: [...path, "oauth"], rule, value: wanted, remedy: "Remove it." });
  }
  if (url !== undefined) return compileHttp(server, path, report);
  const { args, env, cwd } = compileProcess(server, path, fileDir, report);
  return command === undefined
    ? compileContainer({ ...server, image: image ?? "" }, env, { path, fileDir, report })
    : { kind: "stdio", command, args, env, cwd };
}

function compileProcess(server: ServerOptions, path: KeyPath, fileDir: string, report: FaultReport) {
  const env = textValues(server.env);
  for (const [name, value] of Object.entries(env)) {
    if (name !== "" && !/[=\0]/u.test(name) && !value.includes("\0")) continue;
    const rule = "must be a variable that a process can have: no `=` in its name, no NUL";
    report({ path: [...path, "env", name], rule, value, remedy: "Rename or mend it." });
  }
  const cwd = server.cwd === undefined ? undefined : resolve(fileDir, server.cwd);
  return { args: (server.args ?? []).map(String), env, cwd };
}

function compileHttp(server: ServerOptions, path: KeyPath, report: FaultReport): UpstreamTransportConfig {
  const url = server.url ?? "";
  const at = [...path, "url"];
  checkHttpUrl(url, at, report);
  const headers = textValues(server.headers);
  for (const [name, value] of Object.entries(headers)) {
    if (HEADER_NAME.test(name) && HEADER_VALUE.test(value)) continue;
    const rule = "must be a header that HTTP can carry: a plain name and a value on one line";
    report({ path: [...path, "headers", name], rule, value, remedy: "Mend its name or value." });
  }
  const { oauth } = server;
  const spoken = server.type === undefined ? {} : { sse: server.type === "sse" };
  if (oauth === undefined) return { kind: "http", url, headers, ...spoken };
  if (hasAuthorization(headers)) {
    const rule = "must not go with a header Authorization, which its tokens travel in";
    report({ path: [...path, "oauth"], rule, value: "both", remedy: "Remove one of the two." });
  }
  const compiled = compileOAuth(oauth, url, [...path, "oauth"], report);
  return { kind: "http", url, headers, ...spoken, oauth: compiled };
}

/** Reports an address that is not http or https, or that carries a password. */
export function checkHttpUrl(url: string, path: KeyPath, report: FaultReport): void {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !["http:", "https:"].includes(parsed.protocol)) {
    report({ path, rule: "must be an http or https address", value: url, remedy: "Write it as https://host/path." });
  } else if (parsed.username !== "" || parsed.password !== "") {
    const rule = "must not carry a user or password";
    report({ path, rule, value: "an address with a user", remedy: "Write an Authorization header instead." });
  }
}

function textValues(values: Readonly<Record<string, string | number | boolean>> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, String(value)]));
}
