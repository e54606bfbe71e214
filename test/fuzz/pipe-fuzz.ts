import { once } from "node:events";
import { rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { Socket } from "node:net";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { MessagePipe } from "../../src/executor/pipe/message-pipe.ts";
import { createFolder, within } from "../support/service.ts";
import { anyExecutorMessage, damaged, inPieces, toFrame } from "./messages.ts";
import type { Message } from "./messages.ts";
import { Random } from "./random.ts";

/** What came of messages that went through a pipe. */
export interface PipeFuzzReport {
  readonly messages: number;
  readonly faults: readonly string[];
}

interface Received {
  readonly data: unknown;
  readonly body: string | undefined;
}

const MESSAGES = 60;
const ARRIVES_WITHIN_MS = 30_000;

/**
 * Sends messages in pieces of any length through a real pipe: all arrive, in order and as they were. Then once more with some
 * bytes changed: what arrives before the change is as it was, and the pipe breaks or goes on without throwing.
 */
export async function fuzzPipe(seed: number, round: number): Promise<PipeFuzzReport> {
  const random = new Random(seed, round, 2);
  const sent = Array.from({ length: MESSAGES }, () => {
    const message = anyExecutorMessage(random, [1]);
    const bytes = random.chance(0.2)
      ? Buffer.from(Array.from({ length: 1 + random.int(300) }, () => random.int(256)))
      : undefined;
    return { message, bytes };
  });
  const frames = sent.map(({ message, bytes }) => toFrame(message, bytes));
  const faults: string[] = [];
  const right = await through(inPieces(Buffer.concat(frames), random));
  const wanted = sent.map(({ message, bytes }) => ({ data: asJson(message), body: bytes?.toString("latin1") }));
  if (right.broken !== undefined) faults.push(`a right message broke the pipe: ${right.broken.message}`);
  else if (!isDeepStrictEqual(right.received, wanted)) faults.push("messages did not arrive as they were sent");
  const changedAt = random.int(MESSAGES);
  const bytes = Buffer.concat(frames.map((frame, at) => (at === changedAt ? damaged(frame, random) : frame)));
  const wrong = await through(inPieces(bytes, random));
  if (!isDeepStrictEqual(wrong.received.slice(0, changedAt), wanted.slice(0, changedAt)))
    faults.push("messages before a damaged one did not arrive as they were sent");
  return { messages: 2 * MESSAGES, faults };
}

function asJson(message: Message): unknown {
  return JSON.parse(JSON.stringify(message)) as unknown;
}

/** Writes pieces into one end of a pipe. @returns What came out of the other until it was closed, and whether it broke. */
async function through(
  pieces: readonly Buffer[],
): Promise<{ readonly received: readonly Received[]; readonly broken: Error | undefined }> {
  const folder = createFolder();
  const path = join(folder, "pipe");
  const server = createServer().listen(path);
  try {
    const accepted = once(server, "connection") as Promise<[Socket]>;
    const out = connect(path);
    out.on("error", () => undefined);
    const [socket] = await accepted;
    const received: Received[] = [];
    let broken: Error | undefined;
    const pipe = new MessagePipe(socket, {
      onMessage: (data, body) =>
        void received.push({ data, body: body === undefined ? undefined : Buffer.from(body).toString("latin1") }),
      onBroken: (reason) => (broken = reason),
    });
    const closed = once(socket, "close");
    for (const piece of pieces) out.write(piece);
    out.end();
    if ((await within(closed, ARRIVES_WITHIN_MS)) === undefined) broken = new Error("the pipe was not closed in time");
    pipe.close();
    out.destroy();
    return { received, broken };
  } finally {
    server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
