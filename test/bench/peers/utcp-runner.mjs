/**
 * UTCP's code mode in a process of its own, told over IPC: `connect` a server, `attach` the tools it lists now, `run` a script,
 * `loop` one in so many clients for so long. Each is answered with one message; a run's with its value and with what it took,
 * a loop's with what each of its runs took, without IPC.
 */
import "@utcp/mcp";
import { CodeModeUtcpClient } from "@utcp/code-mode";

// The client writes several lines for each call: nobody pays for those.
for (const level of ["log", "info", "warn", "error"]) console[level] = () => undefined;

const MANUAL = "mcp";
const client = await CodeModeUtcpClient.create();
let server;

async function register() {
  const { success, errors } = await client.registerManual({
    name: MANUAL,
    call_template_type: "mcp",
    config: { mcpServers: { lib: server } },
  });
  if (!success) throw new Error(errors.join("; "));
}

const COMMANDS = {
  async connect({ server: given }) {
    server = given;
    await register();
  },
  /** The connection stays: only what is known of the server's tools is read anew. */
  async attach() {
    await client.config.tool_repository.removeManual(MANUAL);
    client.toolFunctionCache.clear();
    await register();
    return (await client.getTools()).map(({ name }) => name);
  },
  async run({ script }) {
    const startedAt = performance.now();
    const { result, logs } = await client.callToolChain(script);
    const ms = performance.now() - startedAt;
    return { ms, result, logs };
  },
  async loop({ script, clients, ms }) {
    const until = performance.now() + ms;
    const times = [];
    const turns = Array.from({ length: clients }, async () => {
      while (performance.now() < until) {
        const startedAt = performance.now();
        const { logs } = await client.callToolChain(script);
        if (logs.some((line) => line.startsWith("[ERROR]"))) throw new Error(logs.join("; "));
        times.push(performance.now() - startedAt);
      }
    });
    await Promise.all(turns);
    return times;
  },
};

process.on("message", ({ command, ...rest }) => {
  COMMANDS[command](rest).then(
    (value) => process.send({ value }),
    (error) => process.send({ error: error.message }),
  );
});
// An orderly exit can wait for ever for a thread of isolated-vm.
process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
process.send({ value: "ready" });
