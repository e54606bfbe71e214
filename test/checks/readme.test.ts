import { execFile, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { parse } from "yaml";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compileConfig } from "../../src/config/compile.ts";
import { LIMITS } from "../../src/config/limits.ts";
import { isErrorCode } from "../../src/lib/errors.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const README = readFileSync(join(ROOT, "README.md"), "utf8");
const EXAMPLE = readFileSync(join(ROOT, "examples/01-run-a-script/README.md"), "utf8");
const run = promisify(execFile);

/** Commands of the `sh` blocks: one for each line, continued where a quote or a backslash is open. */
function commandsOf(markdown: string): string[] {
  return [...markdown.matchAll(/```sh\n(?<body>[^]*?)```/gu)].flatMap(({ groups }) => {
    const commands: string[] = [];
    let open = "";
    for (const line of (groups?.["body"] ?? "").split("\n")) {
      open += open === "" ? line : `\n${line}`;
      const quotes = open.replaceAll(/\\./gu, "").split("'").length - 1;
      if (quotes % 2 === 1 || /[\\|]$/u.test(open)) continue;
      if (open.trim() !== "") commands.push(open.trim());
      open = "";
    }
    return commands;
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

let service: ChildProcess;
let port = 0;
let dataDir = "";

beforeAll(async () => {
  port = await freePort();
  dataDir = await mkdtemp(join(tmpdir(), "runlet-readme-"));
  // `npm start` as the README has it; only the port and the data folder are this test's own.
  service = spawn("npm", ["start", "--", "--port", String(port), "--data-dir", dataDir], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "inherit"],
    detached: true,
  });
  await new Promise<void>((ready, fail) => {
    let output = "";
    service.stdout?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      if (output.includes("Runlet listens on")) ready();
    });
    service.once("exit", (code) => fail(new Error(`npm start ended with ${code}: ${output}`)));
  });
});

afterAll(async () => {
  const ended = new Promise((done) => service.once("exit", done));
  if (service.pid !== undefined) process.kill(-service.pid, "SIGTERM");
  await ended;
  await rm(dataDir, { recursive: true, force: true });
});

async function sh(command: string): Promise<string> {
  const { stdout } = await run("bash", ["-c", command.replaceAll("127.0.0.1:8377", `127.0.0.1:${port}`)], {
    cwd: ROOT,
  });
  return stdout;
}

describe("README", () => {
  const commands = commandsOf(README);

  test("starts with the two commands a newcomer needs, and names the one that tests", () => {
    expect(commands.slice(0, 2)).toEqual(["npm ci", "npm start"]);
    expect(commands).toContain("npm test");
  });

  test("has at most 180 lines", () => {
    expect(README.split("\n").length).toBeLessThanOrEqual(180);
  });

  const curls = commands.filter((command) => command.startsWith("curl"));

  test("the first curl answers what the README says", async () => {
    const answer = JSON.parse(await sh(curls[0] ?? "")) as Record<string, unknown>;
    const shown = JSON.parse(/```json\n(?<answer>\{ "id"[^]*?)```/u.exec(README)?.groups?.["answer"] ?? "{}") as Record<
      string,
      unknown
    >;
    expect(answer).toMatchObject({ ...shown, id: expect.stringMatching(/^run_/u) as string });
  });

  test.each(curls.slice(1))("%s", async (command) => {
    const output = await sh(command.replace("curl -s", "curl -sS --fail"));
    expect(output.length).toBeGreaterThan(10);
  });

  test.each(commands.filter((command) => command.startsWith("npm run --silent runlet")))("%s", async (command) => {
    expect((await sh(command)).length).toBeGreaterThan(10);
  });

  test("the configuration it shows can be used as it is, but for the key that the reader makes", () => {
    const text = /```yaml\n(?<body>[^]*?)```/u.exec(README)?.groups?.["body"] ?? "";
    const ready = text.replace("sha256:…", `sha256:${"0".repeat(64)}`).replaceAll(/\$\{[^}]*\}/gu, "x");
    const config = compileConfig(parse(ready) as Parameters<typeof compileConfig>[0]);
    expect(config.upstreams.map((upstream) => upstream.name)).toEqual(["files", "github"]);
    expect(config.limits.ceilings.wallMs).toBe(300_000);
  });

  test("every limit and every error code it names exists, and every limit is named", () => {
    const table = README.slice(README.indexOf("| Limit"), README.indexOf("A promise that nothing can settle"));
    for (const [, code = ""] of table.matchAll(/`(?<code>[A-Z][A-Z_]+)`/gu)) expect(isErrorCode(code)).toBe(true);
    const unnamed = Object.keys(LIMITS).filter((name) => !table.includes(`\`${name}\``));
    expect(unnamed).toEqual(["logLineBytes", "errorBytes"]);
  });

  test("every file it points to exists", () => {
    for (const [, target = ""] of README.matchAll(/\]\((?<target>[A-Za-z][^):]*)\)/gu))
      expect(readFileSync(join(ROOT, target)).length).toBeGreaterThan(0);
  });
});

describe("the first example", () => {
  test.each(commandsOf(EXAMPLE))("%s", async (command) => {
    expect(await sh(command)).toContain("Cobalt Cycles");
  });
});
