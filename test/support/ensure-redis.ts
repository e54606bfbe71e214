/**
 * Makes sure that the tests can start a Redis server: run before them. Where there is none and we are root on a system with
 * apt, it is installed and no service of it is left running or enabled; elsewhere this ends with 1 and says what to do.
 */
import { spawnSync } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { findProgram, REDIS_PROGRAMS } from "./find-program.ts";

const ADVICE = `The tests need a Redis server: neither redis-server nor valkey-server is on the PATH. Install one:
  Debian, Ubuntu   sudo apt-get install -y --no-install-recommends redis-server
  Fedora           sudo dnf install valkey
  Alpine           apk add valkey
  macOS            brew install redis
They start servers of their own on free ports; no system service is needed.`;

/** Debian asks this program whether a package may start its service. @source Debian policy-rc.d specification: 101 forbids. */
const POLICY = "/usr/sbin/policy-rc.d";

function main(): number {
  if (findProgram(REDIS_PROGRAMS) !== undefined) return 0;
  if (process.getuid?.() === 0 && findProgram(["apt-get"]) !== undefined) {
    console.log("Installing redis-server, which the tests need …");
    withoutServiceStart(install);
    if (findProgram(REDIS_PROGRAMS) !== undefined) return 0;
  }
  console.error(ADVICE);
  return 1;
}

function install(): void {
  const wait = ["-o", "DPkg::Lock::Timeout=120", "-qq"];
  if (run("apt-get", [...wait, "update"])) {
    run("apt-get", [...wait, "install", "-y", "--no-install-recommends", "redis-server"]);
  }
  if (existsSync("/run/systemd/system")) run("systemctl", ["disable", "--now", "redis-server.service"]);
}

/** Runs `work` while packages may not start services; an interrupt ends the child and then cleans up. */
function withoutServiceStart(work: () => void): void {
  const ignore = (): void => undefined;
  const isOurs = !existsSync(POLICY);
  process.on("SIGINT", ignore).on("SIGTERM", ignore);
  try {
    if (isOurs) writeFileSync(POLICY, "#!/bin/sh\nexit 101\n", { mode: 0o755, flag: "wx" });
    work();
  } finally {
    if (isOurs) rmSync(POLICY, { force: true });
    process.off("SIGINT", ignore).off("SIGTERM", ignore);
  }
}

function run(command: string, args: readonly string[]): boolean {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const { status, error } = spawnSync(command, args, { env, stdio: ["ignore", "ignore", "inherit"] });
  if (status === 0) return true;
  console.error(`${command} ${args.join(" ")} failed: ${error?.message ?? `status ${status}`}`);
  return false;
}

process.exitCode = main();
