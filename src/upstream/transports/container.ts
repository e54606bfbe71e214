import { spawn } from "node:child_process";
import type { ContainerConfig } from "../../config/config.ts";
import type { Clock } from "../../lib/clock.ts";
import { createId } from "../../lib/ids.ts";
import { childEnvironment, type Environment } from "./environment.ts";
import { findProgram } from "./find-program.ts";

/** Longest wait for one order to the program that runs containers. */
const ORDER_MS = 10_000;
/** By which the program finds its daemon or its state; beside what every child process inherits. */
const OF_RUNTIME =
  /^(?:DOCKER_(?:HOST|CONTEXT|CONFIG|CERT_PATH|TLS_VERIFY|API_VERSION)|CONTAINER_HOST|CONTAINERS_(?:CONF|STORAGE_CONF)|XDG_(?:RUNTIME_DIR|CONFIG_HOME|DATA_HOME)|DBUS_SESSION_BUS_ADDRESS)$/u;

/** How to start a container as a process, and how to be sure of its end. */
export interface ContainerRun {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Kills and removes the container, should there still be one; never rejects. */
  readonly remove: () => Promise<void>;
}

/** What a container is started with. */
export interface ContainerParts {
  readonly server: string;
  readonly config: ContainerConfig;
  /** Our own environment. */
  readonly env: Environment;
  readonly clock: Clock;
}

/**
 * Makes the command line of a container: nothing of this machine but what the configuration gives, no privileges, bounded in
 * memory and processors. Values of variables travel in the environment of the program, never in its command line, which
 * everybody on the machine can read.
 */
export function containerRun({ server, config, env, clock }: ContainerParts): ContainerRun {
  const { command, env: runtimeEnv } = containerRuntime(config, env);
  const name = createId(`runlet-${server.replaceAll(/[^A-Za-z0-9]/gu, "-").slice(0, 40)}`, clock.now());
  return {
    command,
    args: containerArguments(config, name),
    env: { ...runtimeEnv, ...config.env },
    async remove() {
      // `rm` alone would wait for a stubborn server; `kill` alone leaves a container that never started.
      await order(clock, command, ["kill", name], runtimeEnv);
      await order(clock, command, ["rm", "--force", name], runtimeEnv);
    },
  };
}

/** The program that runs a server's container, and what it gets of our environment to find its daemon or its state. */
export function containerRuntime(
  { runtime }: Pick<ContainerConfig, "runtime">,
  env: Environment,
): { readonly command: "docker" | "podman"; readonly env: Readonly<Record<string, string>> } {
  const own = Object.entries(env).filter(([key, value]) => value !== undefined && OF_RUNTIME.test(key));
  const runtimeEnv = childEnvironment(env, Object.fromEntries(own) as Record<string, string>);
  return { command: runtime ?? findRuntime(env), env: runtimeEnv };
}

/** The arguments of `docker run` or `podman run`, which are the same. @param name Of the container. */
export function containerArguments(config: ContainerConfig, name: string): readonly string[] {
  const { image, args, env, memoryBytes, cpus, network, volumes } = config;
  const unprivileged = ["--init", "--security-opt", "no-new-privileges", "--cap-drop", "ALL"];
  const bounds = ["--memory", String(memoryBytes), "--cpus", String(cpus), "--network", network];
  const mounts = volumes.flatMap((volume) => ["-v", volume]);
  const variables = Object.keys(env).flatMap((key) => ["-e", key]);
  const names = ["--name", name, "--label", `runlet.owner=${process.pid}`];
  return ["run", "-i", "--rm", ...unprivileged, ...bounds, ...mounts, ...variables, ...names, image, ...args];
}

/** docker where the PATH has it, else podman. */
function findRuntime(env: Environment): "docker" | "podman" {
  const place = { path: env["PATH"] ?? "", cwd: process.cwd() };
  return findProgram("docker", place) === undefined ? "podman" : "docker";
}

/** That it fails says mostly that there is no such container any more. */
function order(clock: Clock, command: string, args: readonly string[], env: Readonly<Record<string, string>>) {
  return new Promise<void>((resolve) => {
    const child = spawn(command, [...args], { env: { ...env }, stdio: "ignore", windowsHide: true });
    const timer = clock.after(ORDER_MS, () => child.kill("SIGKILL"));
    const end = (): void => {
      timer.cancel();
      resolve();
    };
    child.once("exit", end);
    child.once("error", end);
  });
}
