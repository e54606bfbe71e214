import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { ServerOptions } from "../../src/config/options.ts";
import type { JsonObject, PackStep, PackTool } from "./pack-data.ts";
import { cliEnvironment, within } from "./service.ts";
import { fixturePath } from "./upstreams.ts";

const ANSWER_WITHIN_MS = 20_000;

/** What a fake server is to list and to answer from now on. */
export interface Part {
  readonly tools: readonly PackTool[];
  readonly scenarios: readonly {
    readonly id: string;
    /** Steps of this server. */
    readonly steps: readonly PackStep[];
    /** `strict`: one step after another, each once; `circle`: the same, over and over; `any`: each once, whichever comes. */
    readonly order: "strict" | "circle" | "any";
  }[];
}

/** The calls a fake server received since it was told what to answer. */
export interface Received {
  /** Of each scenario, in the order they came. */
  readonly received: Readonly<Record<string, readonly { readonly tool: string; readonly args: JsonObject }[]>>;
  /** Calls that no scenario has, or that came out of turn; they were answered with an error. */
  readonly strays: readonly { readonly tool: string; readonly args: JsonObject }[];
}

/** Fake MCP servers that a test tells what to do while a service is connected to them. */
export interface Stage {
  /** The servers as a configuration writes them. */
  readonly mcpServers: Readonly<Record<string, ServerOptions>>;
  /** Gives a server other tools and answers; it tells its clients when the tools are others. */
  load(server: string, part: Part): Promise<void>;
  report(server: string): Promise<Received>;
  close(): Promise<void>;
}

interface Answer {
  readonly hello?: string;
  readonly report?: Received;
  readonly error?: string;
}

/** Prepares fake servers of these names: over stdio the service starts them, over HTTP one process has them all. */
export async function createStage(transport: "stdio" | "http", names: readonly string[]): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), "runlet-stage-"));
  const path = join(folder, "stage.sock");
  const sockets = new Map<string, Socket>();
  const waiting = new Map<string, (answer: Answer) => void>();
  const arrivals = new Map(names.map((name) => [name, Promise.withResolvers<void>()]));
  const listener = createServer((socket) => {
    let name = "";
    socket.on("error", () => socket.destroy());
    createInterface({ input: socket }).on("line", (line) => {
      const answer = JSON.parse(line) as Answer;
      if (answer.hello === undefined) return waiting.get(name)?.(answer);
      name = answer.hello;
      sockets.set(name, socket);
      arrivals.get(name)?.resolve();
    });
  });
  listener.listen(path);
  await once(listener, "listening");
  const http = transport === "http" ? await startHttp(path, names) : undefined;

  const ask = async (server: string, question: object): Promise<Received> => {
    if (waiting.has(server)) throw new Error(`${server} is being asked already`);
    await inTime(arrivals.get(server)?.promise, `${server} does not connect`);
    const { promise, resolve } = Promise.withResolvers<Answer>();
    waiting.set(server, resolve);
    sockets.get(server)?.write(`${JSON.stringify(question)}\n`);
    const { report, error } = await inTime(promise, `${server} does not answer`);
    waiting.delete(server);
    if (report === undefined) throw new Error(error);
    return report;
  };
  return {
    mcpServers: Object.fromEntries(
      names.map((name) => [name, { ...serverOptions(name, path, http?.url), eager: true }]),
    ),
    load: async (server, part) => void (await ask(server, { load: part })),
    report: (server) => ask(server, {}),
    async close() {
      http?.child.kill("SIGKILL");
      for (const socket of sockets.values()) socket.destroy();
      listener.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function serverOptions(name: string, path: string, url: string | undefined): ServerOptions {
  if (url !== undefined) return { url: `${url}/${name}` };
  const env = { PACK_SOCKET: path, PACK_NAME: name };
  return { command: process.execPath, args: [fixturePath("pack-stdio")], env };
}

async function startHttp(path: string, names: readonly string[]) {
  const child = spawn(process.execPath, [fixturePath("pack-http")], {
    env: { ...cliEnvironment(), PACK_SOCKET: path, PACK_NAMES: names.join(",") },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout });
  const [url] = (await inTime(once(lines, "line"), "the HTTP servers do not start")) as [string];
  return { child, url };
}

async function inTime<T>(promise: Promise<T> | undefined, otherwise: string): Promise<T> {
  const boxed = await within(
    Promise.resolve(promise).then((value) => ({ value })),
    ANSWER_WITHIN_MS,
  );
  if (boxed === undefined) throw new Error(otherwise);
  return boxed.value as T;
}
