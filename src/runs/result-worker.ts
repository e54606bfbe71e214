// A thread of its own, because a large result takes long to read and would hold up everybody meanwhile.
import { parentPort } from "node:worker_threads";
import { readResultText } from "./result-reader.ts";
import type { ResultQuestion } from "./result-reader.ts";

parentPort?.on("message", ({ bytes, replyBytes }: ResultQuestion) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  parentPort?.postMessage(readResultText(bytes, replyBytes));
});
