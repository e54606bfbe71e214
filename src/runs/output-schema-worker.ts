// A thread of its own, because both a caller's schema and a script's result can be made to take for ever to check.
import { parentPort } from "node:worker_threads";
import type { SchemaQuestion } from "./output-schema.ts";
import { checkResult, checkSchema } from "./output-schema-check.ts";

parentPort?.on("message", ({ schemaJson, bytes }: SchemaQuestion) => {
  const problems = bytes === undefined ? checkSchema(schemaJson) : checkResult(schemaJson, bytes);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  parentPort?.postMessage(problems);
});
