import { resolve } from "node:path";
import type { ContainerConfig } from "./config.ts";
import { CONTAINER_KEYS } from "./container-keys.ts";
import type { FaultReport } from "./fault-report.ts";
import type { ServerOptions } from "./options.ts";
import type { KeyPath } from "./problem.ts";
import { parseBytes } from "./units.ts";

const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_.]*$/u;
/** Variables that the program which runs containers, or its loader, reads itself: it gets the container's by its own environment. */
const OF_RUNTIME = /^(?:PATH|HOME|TMPDIR|(?:LD|DOCKER|CONTAINERS?|XDG|GO|BUILDAH|PODMAN)_?.*)$/iu;
/** Only for servers in containers, so that none of them is ignored where it would not hold. */
const OWN_KEYS = ["runtime", "memory", "cpus", "network", "volumes"] as const;

/** Reports keys of containers at a server that is not in one. */
export function checkNoContainer(server: ServerOptions, path: KeyPath, report: FaultReport): void {
  for (const key of OWN_KEYS) {
    if (server[key] === undefined) continue;
    const rule = "must go with an image: only a container has it";
    report({ path: [...path, key], rule, value: server[key], remedy: "Remove it, or write image." });
  }
}

/**
 * A server that runs in a container.
 *
 * @param env Its variables, checked as those of any process.
 * @param fileDir Folder that sources of volumes start from.
 */
export function compileContainer(
  server: ServerOptions & { readonly image: string },
  env: Readonly<Record<string, string>>,
  at: { readonly path: KeyPath; readonly fileDir: string; readonly report: FaultReport },
): ContainerConfig {
  const { path, fileDir, report } = at;
  for (const [name, value] of Object.entries(env)) {
    if (ENV_NAME.test(name) && !OF_RUNTIME.test(name)) continue;
    const rule = "must be a variable with a plain name that the program which runs containers does not read itself";
    report({ path: [...path, "env", name], rule, value, remedy: "Rename it, or set it in the image." });
  }
  if (server.cwd !== undefined) {
    const rule = "must go with a command: the image says where its program starts";
    report({ path: [...path, "cwd"], rule, value: server.cwd, remedy: "Remove it." });
  }
  return {
    kind: "container",
    runtime: server.runtime,
    image: server.image,
    args: (server.args ?? []).map(String),
    env,
    memoryBytes: parseBytes(server.memory ?? "") ?? CONTAINER_KEYS.memory.default,
    cpus: server.cpus ?? CONTAINER_KEYS.cpus.default,
    network: server.network ?? CONTAINER_KEYS.network.default,
    volumes: (server.volumes ?? []).map((volume) => absoluteSource(volume, fileDir)),
  };
}

/** A source with a slash or a leading dot is a folder, as the runtimes have it; any other is the name of a volume. */
function absoluteSource(volume: string, fileDir: string): string {
  const end = volume.indexOf(":");
  const source = volume.slice(0, end);
  const isFolder = source.includes("/") || source.startsWith(".");
  return isFolder ? resolve(fileDir, source) + volume.slice(end) : volume;
}
