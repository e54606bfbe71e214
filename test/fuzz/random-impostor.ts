/**
 * An executor process that says anything: `random-impostor.ts SEED NTH`. What it says depends on its two numbers and on what
 * it is told, and on nothing else but time.
 */
import { Socket } from "node:net";
import { anyExecutorMessage, anyText, damaged, inPieces, toFrame } from "./messages.ts";
import { Random } from "./random.ts";

const PIPE_FD = 3;
const [seed = "0", nth = "0"] = process.argv.slice(2);
const random = new Random(Number(seed), Number(nth));
const pipe = new Socket({ fd: PIPE_FD, readable: true, writable: true });
const runs: number[] = [];
/** How much it says, how often it breaks off: some are near to an executor, some are not. */
const noise = random.pick([0.1, 1, 1, 5, 50]);
const breaks = random.pick([0, 0, 0.002, 0.05]);

function say(bytes: Buffer): void {
  const sent = random.chance(breaks) ? damaged(bytes, random) : bytes;
  if (random.chance(0.1)) for (const piece of inPieces(sent, random)) pipe.write(piece);
  else pipe.write(sent);
}

function sayAnything(): void {
  for (let count = random.int(1 + noise * 4); count > 0; count--) {
    const message = anyExecutorMessage(random, runs);
    const isResult = message["type"] === "end" && message["reason"] === "value";
    const body = isResult && random.chance(0.2) ? Buffer.from(anyText(random)) : undefined;
    say(toFrame(message, body !== undefined && body.length > 0 ? body : undefined));
  }
  if (random.chance(breaks / 4)) process.kill(process.pid, "SIGKILL");
}

function takeLine(line: string): void {
  const message = JSON.parse(line) as { readonly type: string; readonly run: number; readonly id: number };
  if (message.type === "init") say(toFrame({ type: "ready" }));
  if (message.type === "ping" && random.chance(0.98)) say(toFrame({ type: "pong", id: message.id, busy: [] }));
  if (message.type === "run") runs.push(message.run);
  sayAnything();
  if (message.type === "run" && random.chance(0.9)) {
    const usage = { wallMs: 1, cpuMs: 1, heapMiB: 1 };
    say(toFrame({ type: "end", run: message.run, reason: "value", text: anyText(random), usage }));
  }
}

let partial = "";
pipe.setEncoding("utf8").on("data", (chunk: string) => {
  const lines = (partial + chunk).split("\n");
  partial = lines.pop() ?? "";
  for (const line of lines) takeLine(line);
});
pipe.on("close", () => process.kill(process.pid, "SIGKILL"));
pipe.on("error", () => process.kill(process.pid, "SIGKILL"));
setInterval(sayAnything, 20);
