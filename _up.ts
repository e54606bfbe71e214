import { createUpstream } from "./src/upstream/supervisor.ts";
import { systemClock } from "./src/lib/clock.ts";
const log = { debug: (o: any, m: string) => process.env.DEBUG && console.error("D", m, o.err?.message), info: (o: object, m: string) => console.error("I", m, o), warn: (o: object, m: string) => console.error("W", m, o), error: console.error };
for (const f of process.argv.slice(2)) {
  const u = createUpstream({ name: "x", transport: { kind: "stdio", command: process.execPath, args: [`test/fixtures/servers/${f}.mjs`], env: {EVENTS_FILE: process.env.EVENTS_FILE ?? ""}, cwd: undefined }, connectTimeoutMs: 3000, callTimeoutMs: 1000, eager: false, concurrency: 1, queueLimit: 1, queueWaitMs: 1, allowTools: undefined, denyTools: [], trustAnnotations: true }, { clock: systemClock, log });
  const t = performance.now();
  try { const tools = await u.tools(); console.log(f, tools.length, u.status().protocolVersion, u.status().serverInfo, performance.now() - t);
    console.log(JSON.stringify(await u.callTool(tools[0].name, { a: 1 }, { signal: new AbortController().signal, timeoutMs: 1000 })));
  } catch (e: any) { console.log(f, e.code, e.message, e.context); }
  const t2 = performance.now(); await u.close(); console.log("closed", performance.now() - t2, u.status());
}
