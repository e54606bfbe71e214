import type { CallReply, ExecutionHost } from "../../src/bridge/execution-host.ts";

/** How a test answers a call; when, the host says. */
export type Answer = Omit<CallReply, "atMs">;

/** A host whose calls a function answers, and whose timers may fire at once. @param answer Given JSON texts. */
export function answering(
  answer: (path: string, args: string) => Answer | Promise<Answer>,
): Pick<ExecutionHost, "call" | "tick"> {
  return {
    call: (path, args, reply) => {
      void (async () => answer(path, args))().then((given) => reply({ ...given, atMs: Date.now() }));
    },
    tick: (_, fire) => fire(),
  };
}

/** Makes a call as an executor does. */
export function ask(host: ExecutionHost, path: string, args: string): Promise<CallReply> {
  return new Promise((resolve) => {
    host.call(path, args, resolve);
  });
}
