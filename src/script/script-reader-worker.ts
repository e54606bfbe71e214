// A thread of its own, because reading a large text takes long, and some texts for ever.
import { parentPort } from "node:worker_threads";
import { RunletError } from "../lib/errors.ts";
import { eraseTypes, rewriteTypes } from "./erase-types.ts";
import { readScript } from "./read-script.ts";
import type { ReadReply, ReadRequest } from "./script-reader.ts";
import { treeError } from "./syntax-error.ts";
import type { StripReply, TransformReply } from "./transpile.ts";
import { TreeBudget, TreeTooLarge } from "./tree-bounds.ts";

/** Trees of a text that are read at most, each as large as one may be: a text may have many readings. */
const READINGS = 4;

async function answer({ text, maxNodes }: ReadRequest): Promise<ReadReply> {
  let isBroken = false;
  const watch = <Reply extends StripReply | TransformReply>(reply: Reply): Reply => {
    isBroken ||= reply.status === "broken";
    return reply;
  };
  try {
    const { script } = await readScript(text, {
      strip: async (typed) => watch(eraseTypes(typed)),
      transform: async (typed) => watch(await rewriteTypes(typed)),
      budget: new TreeBudget(maxNodes, READINGS * maxNodes),
    });
    return { status: "read", script, isBroken };
  } catch (thrown) {
    const error = thrown instanceof TreeTooLarge ? treeError(text, thrown, maxNodes) : thrown;
    if (!(error instanceof RunletError)) return { status: "defect", stack: stackOf(error), isBroken };
    const { code, message, context } = error;
    return { status: "refused", code, message, context, isBroken };
  }
}

function stackOf(thrown: unknown): string {
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
}

parentPort?.on("message", (request: ReadRequest) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  void answer(request).then((reply) => parentPort?.postMessage(reply));
});
