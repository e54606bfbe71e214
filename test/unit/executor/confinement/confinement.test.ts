import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { expect, test } from "vitest";
import { nativeModulePath } from "../../../../src/executor/bundles.ts";
import { executorCommand, kernelLimits } from "../../../../src/executor/confinement/executor-command.ts";
import { executorFiles } from "../../../../src/executor/confinement/executor-files.ts";
import { selfTest } from "../../../../src/executor/confinement/self-test.ts";
import { systemClock } from "../../../../src/lib/clock.ts";

const NATIVE = "/somewhere/native/isolated-vm.node";
const PLACES = { processes: 2, isolatesPerProcess: 16 } as const;
const MIB = 1024 * 1024;

function commandOf(profile: "hardened" | "fast" | "dedicated", isolatesPerProcess = 16): readonly string[] {
  const { command, args } = executorCommand({ ...PLACES, isolatesPerProcess, profile }, NATIVE);
  return [command, ...args];
}

test("scripts have a JIT in the fast profile only", () => {
  expect(commandOf("hardened")).toContain("--jitless");
  expect(commandOf("dedicated")).toContain("--jitless");
  expect(commandOf("fast")).not.toContain("--jitless");
});

test("every profile has Node's permission model, with nothing but the folder of isolated-vm's binary", () => {
  for (const profile of ["hardened", "fast", "dedicated"] as const) {
    const granted = commandOf(profile).filter((arg) => arg.startsWith("--allow"));
    expect(commandOf(profile)).toContain("--permission");
    expect(granted).toEqual(["--allow-addons", `--allow-fs-read=${dirname(NATIVE)}`]);
  }
});

test("the environment is three constants", () => {
  process.env["RUNLET_TEST_SECRET"] = "s3cret";
  const { env } = executorCommand({ ...PLACES, profile: "hardened" }, NATIVE);
  delete process.env["RUNLET_TEST_SECRET"];
  expect(env).toEqual({ PATH: "/usr/local/bin:/usr/bin:/bin", TZ: "UTC", LANG: "C" });
});

test("what the machine has not is left out, and not said to hold", () => {
  const has = (...names: readonly string[]) =>
    kernelLimits({ ...PLACES, profile: "hardened" }, (name) => (names.includes(name) ? `/bin/${name}` : undefined));
  const data = `--data=${(1_024 + 16 * 64) * MIB}`;
  const [prlimit, nice] = [
    ["/bin/prlimit", "--core=0", "--nofile=256", data],
    ["/bin/nice", "-n", "5"],
  ] as const;
  expect(has()).toEqual({ args: [], measures: [] });
  expect(has("nice")).toEqual({ args: nice, measures: ["nice"] });
  expect(has("prlimit", "nice")).toEqual({ args: [...prlimit, ...nice], measures: ["prlimit", "nice"] });
});

test("a process of one run gets memory for one run, one with a JIT has no limit on what it reserves", () => {
  const dataOf = (profile: "fast" | "dedicated"): string[] =>
    kernelLimits({ processes: 2, isolatesPerProcess: 1, profile }, (name) => `/bin/${name}`).args.filter((arg) =>
      arg.startsWith("--data"),
    );
  expect(dataOf("dedicated")).toEqual([`--data=${(1_024 + 64) * MIB}`]);
  expect(dataOf("fast")).toEqual([]);
});

test("a jail comes between the limits and Node, and is told of", () => {
  const jail = { args: ["/bin/jail", "--tight"], measures: ["a jail"] };
  const { command, args, measures } = executorCommand({ ...PLACES, profile: "hardened" }, NATIVE, jail);
  const all = [command, ...args];
  const at = all.indexOf("/bin/jail");
  expect(all.slice(at, at + 3)).toEqual(["/bin/jail", "--tight", process.execPath]);
  expect(all.at(-1)).toBe(NATIVE);
  expect(measures.filter((measure) => measure === "a jail" || measure === "permission")).toEqual([
    "a jail",
    "permission",
  ]);
});

test("the files of an executor process are those Node needs, and all of them are there", async () => {
  const native = nativeModulePath();
  const files = await executorFiles(native);
  expect(files).toContain(process.execPath);
  expect(files).toContain(native);
  expect(files.filter((file) => !existsSync(file))).toEqual([]);
  expect(new Set(files).size).toBe(files.length);
  expect(files.some((file) => /\/libc\.(?:so|musl)/u.test(file) || file.includes("ld-musl"))).toBe(true);
});

/** What the self-test says of a way that is none. */
function tested(command: string, args: readonly string[], files: readonly string[] = []): Promise<string | undefined> {
  return selfTest({
    command: { command, args, env: {}, measures: [] },
    nativeModule: nativeModulePath(),
    files,
    clock: systemClock,
    withinMs: 3_000,
  });
}

test("a process that nothing holds does not pass the self-test", async () => {
  expect(await tested(process.execPath, ["-"])).toMatch(/^files of the machine can be seen in it, such as \//u);
});

test("a program that is missing, fails, says nothing or says nonsense does not pass the self-test", async () => {
  expect(await tested("/nowhere/bwrap", [])).toBe("it did not start: spawn /nowhere/bwrap ENOENT");
  expect(await tested("/bin/sh", ["-c", "echo first >&2; echo second >&2; exit 3"])).toBe(
    "it did not start: first; second",
  );
  expect(await tested("/bin/sh", ["-c", "exit 0"])).toBe("it did not start");
  expect(await tested("/bin/sh", ["-c", 'echo \'{"connect":"ECONNREFUSED"}\' >&3'])).toBe("it did not start");
  expect(await tested("/bin/sh", ["-c", "exec sleep 30"])).toBe("it did not answer within 3000 ms");
  expect(await tested("/bin/sh", ["-c", "exec cat /dev/zero >&3"])).toBe("it did not start");
});

const HELD = {
  connect: "ECONNREFUSED",
  signal: "ESRCH",
  becomeRoot: "EPERM",
  changeGroups: "EPERM",
  loadNative: "done",
  files: ["/node"],
  writable: [],
};

test.each([
  [{ loadNative: "ERR_DLOPEN_FAILED" }, "isolated-vm cannot be loaded in it: ERR_DLOPEN_FAILED"],
  [{ files: ["/node", "/root/.ssh/id"] }, "files of the machine can be seen in it, such as /root/.ssh/id"],
  [{ writable: ["/tmp"] }, "files can be written in it, such as /tmp"],
  [{ connect: "done" }, "the network of the machine can be reached from it"],
  [{ signal: "done" }, "processes of the machine can be seen from it"],
  [{ signal: "EPERM" }, "processes of the machine can be seen from it"],
  [{ becomeRoot: "done" }, "it can take other users' rights"],
  [{ changeGroups: "done" }, "it can take other users' rights"],
])("a report of %j is one of a fault", async (change, fault) => {
  const report = JSON.stringify({ ...HELD, ...change });
  expect(await tested("/bin/sh", ["-c", `echo '${report}' >&3; exec sleep 30`], ["/node"])).toBe(fault);
});

test("a process below the one that was started has to end with it", async () => {
  const report = JSON.stringify(HELD);
  const outlives = `(echo '${report}' >&3; exec sleep 4) & wait`;
  expect(await tested("/bin/sh", ["-c", outlives], ["/node"])).toBe(
    "what runs in it outlives the process that was killed",
  );
  expect(await tested("/bin/sh", ["-c", `echo '${report}' >&3; exec sleep 4`], ["/node"])).toBeUndefined();
});
