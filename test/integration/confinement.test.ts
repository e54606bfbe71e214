import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { createServer, Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { nativeModulePath } from "../../src/executor/bundles.ts";
import { confine } from "../../src/executor/confinement/confine.ts";
import type { Confinement } from "../../src/executor/confinement/confine.ts";
import type { ExecutorCommand } from "../../src/executor/confinement/executor-command.ts";
import { killConfined, startConfined } from "../../src/executor/confinement/confined-process.ts";
import { nodeCommand } from "../../src/executor/confinement/executor-command.ts";
import { jails } from "../../src/executor/confinement/jails.ts";
import { executorFiles } from "../../src/executor/confinement/executor-files.ts";
import { findTool } from "../../src/executor/confinement/find-tool.ts";
import type { FindTool } from "../../src/executor/confinement/find-tool.ts";
import { BUILT_IN_LIMITS } from "../../src/config/limits.ts";
import { ProcessExecutor } from "../../src/executor/process-executor.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silentLog } from "../../src/lib/log.ts";
import { allowedLevels, WITHOUT } from "../support/confinement.ts";
import { runScript } from "../support/executor.ts";
import { aliveInGroup, descendants, isAlive, programOf } from "../support/processes.ts";
import { pause } from "../support/service.ts";

const EXECUTORS = { processes: 1, isolatesPerProcess: 16, profile: "hardened" } as const;
const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
/** The machine without some of its programs. */
function hiding(...names: readonly string[]): FindTool {
  return (name) => (names.includes(name) ? undefined : findTool(name));
}

function confined(
  mode: "auto" | "require" | "off",
  find: FindTool = findTool,
  testWithinMs = 10_000,
): Promise<Confinement> {
  const nativeModule = nativeModulePath();
  return confine(EXECUTORS, mode, { nativeModule, clock: systemClock, findTool: find, testWithinMs });
}

const started: { kill(): void }[] = [];

afterEach(() => {
  for (const each of started.splice(0)) each.kill();
});

/** Arguments of a command up to Node's own flags. */
function wrappersOf({ args }: ExecutorCommand): readonly string[] {
  return args.slice(0, args.indexOf("--no-node-snapshot"));
}

/** A plain program under an executor's command: what native code in an executor process could do. */
async function runInside(command: ExecutorCommand, code: string): Promise<unknown> {
  const child = spawn(command.command, [...wrappersOf(command), "--no-warnings", "-"], {
    env: command.env,
    cwd: "/",
    stdio: ["pipe", "ignore", "inherit", "pipe"],
  });
  started.push({ kill: () => void child.kill("SIGKILL") });
  child.stdin?.end(`const tell = (value) => require("node:fs").writeSync(3, JSON.stringify(value));
    const attempt = (action) => { try { return action(); } catch (error) { return error.code; } };
    ${code}`);
  const pipe = child.stdio[3];
  if (!(pipe instanceof Socket)) throw new Error("there is no pipe");
  const [data] = (await Promise.race([
    once(pipe, "data"),
    once(child, "exit").then(([code]) => Promise.reject(new Error(`it ended with ${String(code)}`))),
  ])) as [Buffer];
  child.kill("SIGKILL");
  return JSON.parse(data.toString("utf8"));
}

/** A real executor under a command, and the process that holds its isolates. */
async function startUnder(
  command: ExecutorCommand,
): Promise<{ executor: ProcessExecutor; outer: number; pid: number }> {
  const executor = await ProcessExecutor.create({
    executors: EXECUTORS,
    memoryMiB: BUILT_IN_LIMITS.defaults.memoryMiB,
    clock: systemClock,
    log: silentLog,
    command,
  });
  started.push({ kill: () => void executor.close() });
  await executor.ready();
  const [outer = 0] = executor.pids();
  const [pid = 0] = [outer, ...descendants(outer)].filter((id) => programOf(id) === process.execPath);
  return { executor, outer, pid };
}

function statusOf(pid: number): ReadonlyMap<string, string> {
  const lines = readFileSync(`/proc/${pid}/status`, "utf8").trimEnd().split("\n");
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]));
}

async function gone(pids: readonly number[]): Promise<void> {
  for (const end = performance.now() + 5_000; pids.some(isAlive); await pause(10))
    if (performance.now() > end) throw new Error(`still alive: ${pids.filter(isAlive).join(", ")}`);
}

describe("the level that is reached", () => {
  test("is the strongest that this machine allows, and never said to be more", async () => {
    const { level, command } = await confined("auto");
    expect(level).toBe(allowedLevels[0] ?? "process");
    expect(command.measures.includes(level)).toBe(level !== "process");
  });

  test("is that of unshare where bubblewrap is not installed, and why is told", async () => {
    const { level, refused } = await confined("auto", hiding("bwrap"));
    expect(level).toBe(allowedLevels.includes("namespaces (unshare)") ? "namespaces (unshare)" : "process");
    expect(refused[0]).toEqual({ way: "bubblewrap", reason: "bwrap is not installed" });
  });

  test("is the process itself where there is neither, and why is told", async () => {
    expect(await confined("auto", hiding("bwrap", "unshare", "setpriv"))).toMatchObject({
      level: "process",
      refused: [
        { way: "bubblewrap", reason: "bwrap is not installed" },
        { way: "unshare", reason: "unshare and setpriv not found" },
      ],
    });
  });

  test("is refused by require where it is the process itself: nothing starts", async () => {
    await expect(confined("require", hiding("bwrap", "unshare", "setpriv"))).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining("bubblewrap: bwrap is not installed; unshare: unshare and setpriv not found"),
      context: { hint: expect.stringContaining("Install bubblewrap") },
    });
  });

  test("is not looked for where confinement is off", async () => {
    expect(await confined("off")).toMatchObject({ level: "process", refused: [] });
  });

  test("is found once for a process, however often it is asked for", async () => {
    const { find, runs } = standIn(`exec ${findTool("bwrap") ?? "false"} "$@"`);
    const [first, second] = await Promise.all([confined("auto", find), confined("auto", find)]);
    const afterFirst = runs();
    expect(await confined("auto", find)).toEqual(first);
    expect(second).toEqual(first);
    expect(afterFirst).toBeGreaterThan(0);
    expect(runs()).toBe(afterFirst);
  });

  test("is the next lower one where bubblewrap fails, hangs, or does not hold", async () => {
    const next = allowedLevels.includes("namespaces (unshare)") ? "namespaces (unshare)" : "process";
    const outcome = async (script: string) => {
      const { level, refused } = await confined("auto", standIn(script).find, 1_000);
      return [level, refused[0]?.reason];
    };
    expect(await outcome("echo 'no permission' >&2; exit 1")).toEqual([next, "it did not start: no permission"]);
    expect(await outcome("exec sleep 60")).toEqual([next, "it did not answer within 1000 ms"]);
    expect(await outcome(`exec ${process.execPath} -`)).toEqual([
      next,
      expect.stringMatching(/^files of the machine can be seen in it, such as \//u),
    ]);
  });
});

/** A machine on which `bwrap` is a script; `runs` counts how often it was to start something. */
function standIn(script: string): { readonly find: FindTool; readonly runs: () => number } {
  const folder = mkdtempSync(join(tmpdir(), "runlet-bwrap-"));
  started.push({ kill: () => rmSync(folder, { recursive: true }) });
  const [path, count] = [join(folder, "bwrap"), join(folder, "count")];
  writeFileSync(count, "", { mode: 0o666 });
  writeFileSync(path, `#!/bin/sh\ncase "$*" in *--ro-bind*) echo run >> ${count};; *) exit 0;; esac\n${script}\n`);
  // Also for the user that it is started as.
  chmodSync(folder, 0o755);
  chmodSync(count, 0o666);
  chmodSync(path, 0o755);
  return {
    find: (name) => (name === "bwrap" ? path : findTool(name)),
    runs: () => readFileSync(count, "utf8").split("\n").length - 1,
  };
}

describe.each(allowedLevels)("a process held by %s", (level) => {
  let command: ExecutorCommand;
  let outside: string;
  let port: number;
  const sockets: { close(): void }[] = [];
  const abstract = `\0runlet-confinement-${process.pid}-${level}`;
  const connections: string[] = [];

  beforeAll(async () => {
    const confinement = await confined("require", hiding(...WITHOUT[level]));
    expect(confinement.level).toBe(level);
    ({ command } = confinement);
    outside = mkdtempSync(join(tmpdir(), "runlet-outside-"));
    writeFileSync(join(outside, "secret"), "of the host", { mode: 0o644 });
    const [tcp, local] = ["tcp", "abstract"].map((kind) => createServer(() => connections.push(kind)));
    if (tcp === undefined || local === undefined) throw new Error("two servers were made");
    sockets.push(tcp, local);
    await Promise.all([once(tcp.listen(0, "127.0.0.1"), "listening"), once(local.listen(abstract), "listening")]);
    ({ port } = tcp.address() as AddressInfo);
  });

  afterAll(() => {
    for (const socket of sockets) socket.close();
    rmSync(outside, { recursive: true, force: true });
  });

  test("finds the files that Node needs and no others", async () => {
    const found = await runInside(
      command,
      `const walk = (folder) => require("node:fs").readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
         entry.isDirectory() ? walk(folder + entry.name + "/") : [folder + entry.name]);
       tell(walk("/"));`,
    );
    expect(new Set(found as string[])).toEqual(new Set(await executorFiles(nativeModulePath())));
  });

  test("cannot read what others on the machine may read, nor the process table", async () => {
    const paths = [
      join(outside, "secret"),
      "/etc/passwd",
      "/proc/self/status",
      "/proc/1/cmdline",
      "/sys/kernel",
      "/dev/null",
      MAIN,
    ];
    const found = await runInside(
      command,
      `tell(${JSON.stringify(paths)}.map((path) => attempt(() => require("node:fs").statSync(path).size)));`,
    );
    expect(found).toEqual(paths.map(() => "ENOENT"));
  });

  test("cannot write anywhere, not even over its own files", async () => {
    const paths = ["/x", "/etc/x", `${nativeModulePath()}.new`, nativeModulePath(), process.execPath];
    const refusal = expect.stringMatching(/^E(?:ROFS|ACCES)$/u);
    const found = await runInside(
      command,
      `const fs = require("node:fs");
       tell(${JSON.stringify(paths)}.map((path) => attempt(() => fs.openSync(path, "a"))));`,
    );
    // EACCES: a file that another user owns is refused before it is seen that nobody could write it.
    expect(found).toEqual(["EROFS", "EROFS", "EROFS", refusal, refusal]);
  });

  test("has no way to the network, to local servers and to sockets without a file", async () => {
    const found = await runInside(
      command,
      `const net = require("node:net");
       const outcome = (options) => new Promise((resolve) => net.connect(options)
         .on("connect", () => resolve("connected")).on("error", (error) => resolve(error.code)));
       Promise.all([
         outcome({ host: "127.0.0.1", port: ${port} }), outcome({ host: "192.0.2.1", port: 80 }),
         outcome({ path: ${JSON.stringify(abstract)} }),
       ]).then(tell);`,
    );
    expect(found).toEqual([expect.stringMatching(/^E(?:CONNREFUSED|NETUNREACH)$/u), "ENETUNREACH", "ECONNREFUSED"]);
    expect(connections).toEqual([]);
  });

  test("sees no process of the machine and can signal none", async () => {
    const found = await runInside(
      command,
      `tell(${JSON.stringify([process.pid, process.ppid])}.map((pid) => attempt(() => process.kill(pid, 0))));`,
    );
    expect(found).toEqual(["ESRCH", "ESRCH"]);
  });

  test("can start no other program", async () => {
    const found = await runInside(
      command,
      `const { spawnSync } = require("node:child_process");
       tell(["/bin/sh", "/usr/bin/id"].map((file) => spawnSync(file, { stdio: "ignore" }).error?.code));`,
    );
    expect(found).toEqual(["ENOENT", "ENOENT"]);
  });

  test("is not root, and cannot become another user", async () => {
    const found = await runInside(
      command,
      `tell([process.getuid(), process.getgid(), attempt(() => process.setuid(0)), attempt(() => process.setgroups([0]))]);`,
    );
    expect(found).toEqual([65_534, 65_534, expect.stringMatching(/^E(?:PERM|INVAL)$/u), "EPERM"]);
  });

  test("has no capability, can gain none, and shares no namespace with the service but that of time", async () => {
    const { pid } = await startUnder(command);
    const status = statusOf(pid);
    const none = "0000000000000000";
    expect(["CapInh", "CapPrm", "CapEff", "CapAmb", "NoNewPrivs"].map((name) => status.get(name))).toEqual([
      none,
      none,
      none,
      none,
      "1",
    ]);
    const shared = readdirSync("/proc/self/ns").filter(
      (name) => readlinkSync(`/proc/self/ns/${name}`) === readlinkSync(`/proc/${pid}/ns/${name}`),
    );
    expect(shared.filter((name) => !name.startsWith("time"))).toEqual([]);
  });

  test("can make no user namespace of its own where that is said, even with the program for it", async () => {
    const unshare = findTool("unshare") ?? "";
    const ways = await jails(hiding(...WITHOUT[level]), await executorFiles(unshare));
    const [way] = ways.flatMap(({ level: reached, how }) =>
      "wrapper" in how && reached === level ? [how.wrapper] : [],
    );
    const { command: program, args } = nodeCommand([way ?? { args: [], measures: [] }], []);
    expect(way?.measures).toContain("no user namespaces");
    const run = (flags: readonly string[]) => {
      const code = `const { status, stderr } = require("node:child_process").spawnSync(${JSON.stringify(unshare)},
        ${JSON.stringify([...flags, process.execPath, "-e", ""])}, { encoding: "utf8" });
        process.stderr.write(stderr); process.exitCode = status;`;
      const { status, stderr } = spawnSync(program, [...args, "-e", code], { encoding: "utf8", cwd: "/" });
      return { status, stderr };
    };
    expect(run([])).toEqual({ status: 0, stderr: "" });
    expect(run(["--user"])).toEqual({ status: 1, stderr: expect.stringContaining("unshare failed") });
  });

  test("runs as nobody's user of the machine where the service is root", async () => {
    const { pid } = await startUnder(command);
    const own = process.getuid?.() ?? 0;
    const uids = command.measures.includes("own user") ? 65_534 : own;
    expect(statusOf(pid).get("Uid")).toBe(Array(4).fill(uids).join("\t"));
  });

  test("runs scripts", async () => {
    const { executor } = await startUnder(command);
    const { result, error } = await runScript(executor, "return input.a + input.b", { input: { a: 20, b: 22 } });
    expect({ result, error }).toEqual({ result: 42, error: undefined });
  });

  test("ends with the process that was started, and leaves nothing", async () => {
    const { outer, pid } = await startUnder(command);
    const all = [outer, ...descendants(outer)];
    expect(all).toContain(pid);
    process.kill(outer, "SIGKILL");
    await gone(all);
  });

  test("killed at any moment of its start, leaves nothing", async () => {
    const groups: number[] = [];
    for (let delayMs = 0; delayMs < 40; delayMs++) {
      const child = startConfined(command);
      groups.push(child.pid ?? 0);
      // What is killed does not read what it is sent.
      for (const stream of [child.stdin, child.stdio[3]]) stream?.on("error", () => undefined);
      await pause(delayMs);
      killConfined(child);
      await once(child, "exit");
      killConfined(child);
    }
    await pause(100);
    expect(groups.flatMap(aliveInGroup)).toEqual([]);
  });

  test("ends with the service, even where its thread never stops", async () => {
    const program = `const { spawn } = require("node:child_process");
      const child = spawn(${JSON.stringify(command.command)}, ${JSON.stringify([...wrappersOf(command), "-"])},
        { env: ${JSON.stringify(command.env)}, cwd: "/", stdio: ["pipe", "ignore", "inherit", "pipe"] });
      child.stdin.end("require('node:fs').writeSync(3, 'spinning'); for (;;);");
      child.stdio[3].on("data", () => process.stdout.write("spinning"));`;
    const service = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] });
    started.push({ kill: () => void service.kill("SIGKILL") });
    await once(service.stdout, "data");
    const all = descendants(service.pid ?? 0);
    expect(all.length).toBeGreaterThan(1);
    service.kill("SIGKILL");
    await gone(all);
  });
});
