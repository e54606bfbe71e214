// A thread of its own, because both parsers can be made to hang or to break for good by a text of a few hundred bytes.
import { parentPort } from "node:worker_threads";
import { eraseTypes, rewriteTypes } from "./erase-types.ts";
import type { StripReply, TranspileRequest, TransformReply } from "./transpile.ts";

function reply(answer: StripReply | TransformReply): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  parentPort?.postMessage(answer);
}

parentPort?.on("message", (request: TranspileRequest) => {
  if (request.kind === "strip") reply(eraseTypes(request.text));
  else void rewriteTypes(request.text).then(reply);
});
