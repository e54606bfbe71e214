import { spawn, spawnSync } from "node:child_process";
import type { StdioOptions } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readdirSync, readlinkSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";
import { findTool } from "../../src/executor/confinement/find-tool.ts";
import { allowedLevels } from "../support/confinement.ts";
import { descendants, programOf } from "../support/processes.ts";
import { cliEnvironment, startService } from "../support/service.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const started: { kill(): void }[] = [];

afterEach(() => {
  for (const each of started.splice(0)) each.kill();
});

/** Descriptors of a process that lead to something outside of it; what an event loop has for itself is not among them. */
function waysOut(pid: number): string[] {
  const links = readdirSync(`/proc/${pid}/fd`).map((fd) => [fd, readlinkSync(`/proc/${pid}/fd/${fd}`)] as const);
  const pipes = Map.groupBy(links, ([, target]) => target);
  return links.flatMap(([fd, target]) => {
    if (target.startsWith("anon_inode:") || target === "/dev/null") return [];
    // An event loop holds one descriptor in reserve: the root folder, where there is no /dev/null. It is named as seen from the
    // process's namespace, where the root need not be the process's own.
    if (target.startsWith("/") && isOwnRoot(pid, fd)) return [];
    // A pipe with both ends in the process leads nowhere.
    if (target.startsWith("pipe:") && pipes.get(target)?.length === 2) return [];
    return [`${fd} ${target.startsWith("socket:") ? "socket" : target}`];
  });
}

function isOwnRoot(pid: number, fd: string): boolean {
  const [held, own, ours] = [`/proc/${pid}/fd/${fd}`, `/proc/${pid}/root/`, "/"].map((path) => statSync(path));
  return held?.ino === own?.ino && held?.dev === own?.dev && held?.dev !== ours?.dev;
}

describe("a service", () => {
  test("says at /readyz and in its log which level was reached", async () => {
    const service = await startService({ executors: { processes: 1 } });
    try {
      const level = allowedLevels[0] ?? "process";
      const { body } = await service.get<{ checks: Record<string, unknown> }>("/readyz");
      expect(body.checks["confinement"]).toEqual({
        ok: true,
        detail: expect.stringContaining(`${level}; held by `),
      });
      const said = level === "process" ? "are not kept in namespaces" : "how executor processes are confined";
      expect(service.logs()).toContain(said);
    } finally {
      await service.remove();
    }
  });

  test.each(["auto", "off"])(
    "with confinement %s gives executor processes its pipes and no file or socket more",
    async (mode) => {
      const folder = mkdtempSync(join(tmpdir(), "runlet-descriptors-"));
      writeFileSync(join(folder, "runlet.json"), JSON.stringify({ mcpServers: {}, executors: { confinement: mode } }));
      const left = openSync(join(folder, "runlet.json"), "r");
      // Whoever starts a service may leave files open in it, also with high numbers, which Node does not look at.
      const stdio: StdioOptions = ["ignore", "pipe", "inherit", ...Array<"ignore">(37).fill("ignore"), left];
      const service = spawn(process.execPath, [MAIN, "serve", "--port", "0"], {
        cwd: folder,
        env: cliEnvironment(),
        stdio,
      });
      started.push({ kill: () => void service.kill("SIGKILL") });
      if (service.stdout === null) throw new Error("there is no output");
      await once(service.stdout, "data");
      const { pid = 0 } = service;
      const executors = descendants(pid, "--jitless").filter((id) => programOf(id) === process.execPath);
      expect(executors.length).toBeGreaterThan(0);
      for (const executor of executors) expect(waysOut(executor)).toEqual(["0 socket", "2 socket", "3 socket"]);
      service.kill("SIGTERM");
      await once(service, "exit");
      closeSync(left);
      rmSync(folder, { recursive: true });
    },
  );

  test("killed at once, leaves no executor process behind", async () => {
    const service = await startService({ executors: { processes: 1 } });
    await service.stop("SIGKILL");
    await service.remove();
  });
});

describe.runIf(allowedLevels.includes("namespaces (unshare)"))("on a machine that refuses namespaces", () => {
  /** Runs the command line where no further namespace can be made. */
  function run(args: readonly string[], options: object) {
    const folder = mkdtempSync(join(tmpdir(), "runlet-refused-"));
    writeFileSync(join(folder, "runlet.json"), JSON.stringify({ mcpServers: {}, ...options }));
    const refuse = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"';
    const { status, stdout, stderr } = spawnSync(
      findTool("unshare") ?? "",
      ["--user", "--map-root-user", "sh", "-c", refuse, "sh", process.execPath, MAIN, ...args],
      { cwd: folder, env: cliEnvironment(), encoding: "utf8", input: "return 42" },
    );
    rmSync(folder, { recursive: true, force: true });
    return { status, stdout, stderr };
  }

  test("require does not start, says why, and what to do", () => {
    const { status, stderr } = run(["serve", "--port", "0"], { executors: { confinement: "require" } });
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /^CONFIG_INVALID: Cannot start as executors\.confinement is require .*bubblewrap: .*unshare: /mu,
    );
    expect(stderr).toContain("hint: Install bubblewrap and let this user make user namespaces");
  });

  test("auto runs scripts, and warns with the reason and the remedy", () => {
    const { status, stdout, stderr } = run(["run", "-"], {});
    expect([status, stdout]).toEqual([0, "42\n"]);
    expect(stderr).toContain("executor processes are not kept in namespaces");
    expect(stderr).toContain("Install bubblewrap");
  });

  test("off runs scripts without a word", () => {
    expect(run(["run", "-"], { executors: { confinement: "off" } })).toMatchObject({
      status: 0,
      stdout: "42\n",
      stderr: "",
    });
  });

  test("doctor fails where confinement is required, and warns where it is not", () => {
    const required = run(["doctor", "--json", "--offline"], { port: 0, executors: { confinement: "require" } });
    expect(required.status).toBe(1);
    expect(JSON.parse(required.stdout)).toContainEqual(
      expect.objectContaining({
        name: "confinement",
        status: "failed",
        detail: expect.stringContaining("process; held by"),
      }),
    );
    const asked = run(["doctor", "--offline"], { port: 0 });
    expect(asked.status).toBe(0);
    expect(asked.stdout).toMatch(/^ +warn +confinement +process; held by .*Not taken: bubblewrap/mu);
  });
});
