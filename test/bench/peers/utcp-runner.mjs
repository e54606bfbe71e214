/**
 * UTCP's code mode in a process of its own, told by `nestools.ts` over IPC: `connect` a server, `attach` the tools it lists
 * now, `run` a script. Each is answered with one message; a run's with its value and with what it took, without IPC.
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
