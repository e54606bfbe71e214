import { createClientKey } from "../config/clients.ts";
import type { Config } from "../config/config.ts";
import { RunletError } from "../lib/errors.ts";
import { isRecord } from "../lib/guards.ts";
import { parseJson } from "../lib/json.ts";
import { createService } from "../service.ts";
import { closeInheritedDescriptors } from "./inherited-descriptors.ts";
import type { CliIo } from "./io.ts";
import { BY_ITSELF, loadSettings, tellUnpinned } from "./settings.ts";

/** A service as a command sees it. */
export interface HttpCaller {
  /** Where it is. */
  readonly url: string;
  /**
   * Sends a request and reads the answer's JSON.
   *
   * @param headers Beside the key and the type of the body.
   * @throws RunletError: UPSTREAM_UNAVAILABLE when nothing answers; the service's own refusal with its hint.
   */
  send(
    method: "GET" | "POST" | "DELETE",
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Readonly<Record<string, unknown>>>;
}

/** Flags that say which service is meant. */
export const SERVICE_FLAGS = { url: { type: "string" }, key: { type: "string" } } as const;

/** The flags of `SERVICE_FLAGS` as text for people. */
export const SERVICE_FLAGS_TEXT = `  --url URL             A running service, such as http://127.0.0.1:8377. Default: RUNLET_URL.
  --key KEY             A client's key for it. Default: RUNLET_KEY.
`;

/** A refusal of a service that was asked over HTTP. */
export class ServiceRefusal extends Error {
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.name = "ServiceRefusal";
    this.hint = hint;
  }
}

/** A service that runs at an address. */
export function callerAt(url: string, key: string | undefined, stopped: AbortSignal): HttpCaller {
  const base = url.replace(/\/+$/u, "");
  return {
    url: base,
    async send(method, path, body, more = {}) {
      const response = await request(`${base}${path}`, {
        method,
        headers: {
          ...more,
          ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: stopped,
      });
      const answer = parseJson(await response.text())?.value;
      const record = isRecord(answer) ? answer : {};
      if (response.ok) return record;
      const code = typeof record["code"] === "string" ? record["code"] : `HTTP ${response.status}`;
      const words = [record["detail"], record["message"], record["title"]].find((text) => typeof text === "string");
      throw new ServiceRefusal(
        `${code}: ${words ?? "the service gave no reason"}`,
        typeof record["hint"] === "string" ? record["hint"] : undefined,
      );
    },
  };
}

async function request(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    const code = cause instanceof Error ? ("code" in cause ? String(cause.code) : cause.message) : String(error);
    throw new ServiceRefusal(
      `Cannot reach ${new URL(url).origin}: ${code}`,
      "Start it with `runlet serve`, or name another with --url.",
    );
  }
}

/** The key that a command is given. @param values Its flags. */
export function keyOf(values: ReadonlyMap<string, string | boolean>, io: CliIo): string | undefined {
  const key = values.get("key") ?? io.env["RUNLET_KEY"];
  return typeof key === "string" && key !== "" ? key : undefined;
}

/** The address of the service that a command is given. @returns `undefined` where none is named. @param values Its flags. */
export function serviceUrlOf(values: ReadonlyMap<string, string | boolean>, io: CliIo): string | undefined {
  const url = values.get("url") ?? io.env["RUNLET_URL"];
  return typeof url === "string" && url !== "" ? url : undefined;
}

/** The running service that a command means: the one it names, else where the configuration listens. */
export function runningService(
  values: ReadonlyMap<string, string | boolean>,
  io: CliIo,
  stopped: AbortSignal,
): HttpCaller {
  const url = serviceUrlOf(values, io);
  if (url !== undefined) return callerAt(checkedUrl(url), keyOf(values, io), stopped);
  const { host, port } = loadSettings(values, io).config.http;
  const name = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
  return callerAt(`http://${name.includes(":") ? `[${name}]` : name}:${port}`, keyOf(values, io), stopped);
}

/**
 * Asks the service that is named, or one that is started for this alone as configured: on a free port of this machine, for the
 * holder of a key that nobody else has, without data of its own.
 */
export async function withService<T>(
  values: ReadonlyMap<string, string | boolean>,
  io: CliIo,
  stopped: AbortSignal,
  work: (service: HttpCaller) => Promise<T>,
): Promise<T> {
  if (serviceUrlOf(values, io) !== undefined) return work(runningService(values, io, stopped));
  const { config, warnings } = loadSettings(values, io, { logLevel: "warn" });
  for (const warning of warnings) io.stderr(`warning: ${warning}\n`);
  tellUnpinned(config, io);
  closeInheritedDescriptors();
  const { key, hash } = createClientKey();
  const service = await createService(alone(config, hash), { spares: 0 });
  try {
    const { url } = await service.listen();
    return await work(callerAt(url, key, stopped));
  } finally {
    await service.close();
  }
}

function alone(config: Config, keyHash: string): Config {
  return {
    ...config,
    http: { ...config.http, host: "127.0.0.1", port: 0 },
    clients: [{ keyHashes: [keyHash], principal: { id: "cli", access: {}, admin: true } }],
    executors: { ...config.executors, processes: 1 },
    ...BY_ITSELF,
  };
}

function checkedUrl(url: string): string {
  if (URL.canParse(url) && /^https?:$/u.test(new URL(url).protocol)) return url;
  throw new RunletError(
    "CONFIG_INVALID",
    `Cannot use --url or RUNLET_URL as it must be an http or https address: current value is ${JSON.stringify(url)}`,
  );
}
