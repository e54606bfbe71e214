import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ContainerConfig, UpstreamConfig } from "../../src/config/config.ts";
import { processesWithMark } from "../support/processes.ts";
import { createBench, patiently, textOf, type UpstreamBench } from "../support/upstreams.ts";

const RUNTIME = fileURLToPath(new URL("../fixtures/containers/runtime.mjs", import.meta.url));

/** One order that the stand-in for docker was given. */
interface Order {
  readonly order: string;
  readonly words: readonly string[];
  readonly variables: Readonly<Record<string, string>>;
}

let bench: UpstreamBench;
let env: Record<string, string>;

beforeEach(() => {
  bench = createBench();
  const bin = join(bench.folder, "bin");
  const state = join(bench.folder, "docker");
  for (const folder of [bin, state]) mkdirSync(folder);
  const program = `#!/bin/sh\nexec '${process.execPath}' '${RUNTIME}' "$@"\n`;
  writeFileSync(join(bin, "docker"), program, { mode: 0o755 });
  env = { PATH: `${bin}:/usr/bin:/bin`, DOCKER_CONFIG: state, OURS: "is none of its business" };
});

afterEach(async () => {
  const { mark } = bench;
  await bench.close();
  expect(processesWithMark(mark), "processes left behind").toEqual([]);
});

function orders(): Order[] {
  const file = join(bench.folder, "docker", "orders.jsonl");
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").trim().split("\n");
  return lines.map((line) => JSON.parse(line) as Order);
}

/** Containers that the stand-in still has. */
const containers = (): string[] =>
  readdirSync(join(bench.folder, "docker")).filter((name) => name.startsWith("container-"));

function container(name: string, changes: Partial<ContainerConfig> = {}): UpstreamConfig {
  const base = bench.fixture(name);
  const variables = base.transport.kind === "stdio" ? base.transport.env : {};
  const transport: ContainerConfig = {
    kind: "container",
    runtime: undefined,
    image: `fixtures/${name}`,
    args: [],
    env: { ...variables, TOKEN: "a-secret-of-the-container" },
    memoryBytes: 536_870_912,
    cpus: 0.5,
    network: "none",
    volumes: ["/srv/data:/data:ro"],
    ...changes,
  };
  return { ...base, transport };
}

describe("a server in a container", () => {
  it("is called like any other, and says that it is one", async () => {
    const upstream = bench.upstream(container("tiny"), { env });
    expect(await textOf(upstream, "echo", { a: 1 })).toBe('{"a":1}');
    expect(upstream.status()).toMatchObject({ transport: "container", state: "ready" });
  });

  it("is started without privileges, within its bounds, and removed at the end", async () => {
    const upstream = bench.upstream(container("tiny", { args: ["--verbose"] }), { env });
    await upstream.callTool("echo", {}, patiently());
    const [run] = orders();
    const text = run?.words.join(" ") ?? "";
    expect(run?.order).toBe("run");
    expect(text).toMatch(
      /^-i --rm --init --security-opt no-new-privileges --cap-drop ALL --memory 536870912 --cpus 0\.5 --network none -v \/srv\/data:\/data:ro /u,
    );
    expect(text).toMatch(/ -e TOKEN --name runlet-server_\w+ --label runlet\.owner=\d+ fixtures\/tiny --verbose$/u);
    await upstream.close();
    expect(containers()).toEqual([]);
  });

  it("gets its variables and none of ours; their values are in no command line", async () => {
    const upstream = bench.upstream(container("tiny"), { env });
    await upstream.callTool("echo", {}, patiently());
    const [run] = orders();
    expect(JSON.stringify(run?.words)).not.toContain("a-secret-of-the-container");
    expect(run?.variables).toMatchObject({ TOKEN: "a-secret-of-the-container" });
    expect(run?.variables).not.toHaveProperty("OURS");
    // The orders that remove it need none of them.
    await upstream.close();
    const others = orders().slice(1);
    expect(others.map(({ order }) => order)).toEqual(["kill", "rm"]);
    for (const { variables } of others) expect(variables).not.toHaveProperty("TOKEN");
  });

  it("that does not stop with the program that runs it is killed by its name", async () => {
    const upstream = bench.upstream(container("tiny"), { env });
    const pid = Number(await textOf(upstream, "pid"));
    const runtime = upstream.status().pid ?? 0;
    expect(runtime).not.toBe(pid);
    process.kill(runtime, "SIGKILL");
    await expect.poll(containers).toEqual([]);
    await expect.poll(() => processesWithMark(bench.mark)).toEqual([]);
  });

  it("that crashes is started anew, in a container of another name", async () => {
    const upstream = bench.upstream(container("tiny"), { env });
    await expect(upstream.callTool("crash", {}, patiently())).rejects.toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
    await expect
      .poll(async () => {
        try {
          return await textOf(upstream, "echo");
        } catch {
          return "not yet";
        }
      })
      .toBe("{}");
    const names = orders()
      .filter(({ order }) => order === "run")
      .map(({ words }) => words[words.indexOf("--name") + 1]);
    expect(new Set(names).size).toBe(2);
  });

  it("without an image says what the runtime says", async () => {
    const upstream = bench.upstream(container("tiny", { image: "elsewhere/none" }), { env });
    await expect(upstream.callTool("echo", {}, patiently())).rejects.toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
    expect(upstream.status().stderr).toContain("Unable to find image 'elsewhere/none' locally");
  });

  it("without a program that runs containers is told which key names it", async () => {
    const nowhere = { ...env, PATH: join(bench.folder, "docker") };
    const upstream = bench.upstream(container("tiny"), { env: nowhere });
    await expect(upstream.callTool("echo", {}, patiently())).rejects.toMatchObject({
      code: "UPSTREAM_UNAVAILABLE",
      context: { hint: expect.stringContaining("correct runtime of mcpServers.server") as string },
    });
  });
});
