import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** `@utcp/code-mode` in a process of its own, connected to one server named `lib`; see `peers/utcp-runner.mjs`. */
export interface UtcpProcess {
  /** Sends one command; one at a time. @returns Its value. @throws Error with what it failed with. */
  readonly ask: (message: object) => Promise<unknown>;
  readonly close: () => Promise<void>;
}

/** A package of its own: what it imports is none of ours. */
const PEERS = new URL("peers/", import.meta.url);

/** How it is named in what a benchmark prints. */
export const UTCP = "UTCP code mode";

/** Starts the process. @param server As the runner's `connect` takes it. */
export async function startUtcpProcess(server: object): Promise<UtcpProcess> {
  const child = fork(fileURLToPath(new URL("utcp-runner.mjs", PEERS)), { execArgv: ["--no-node-snapshot"] });
  const answer = async (): Promise<unknown> => {
    const [message] = (await once(child, "message")) as [{ readonly value?: unknown; readonly error?: string }];
    if (message.error !== undefined) throw new Error(message.error);
    return message.value;
  };
  const ask = (message: object): Promise<unknown> => {
    const answered = answer();
    child.send(message);
    return answered;
  };
  await answer();
  await ask({ command: "connect", server });
  return {
    ask,
    close: async () => {
      const ended = once(child, "exit");
      child.disconnect();
      await ended;
    },
  };
}
