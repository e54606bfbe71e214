/**
 * Runs inside workerd: `POST {script}` loads a new worker whose `fetch` is the script as the body of an async function, and
 * answers with the JSON of its value. The worker has no network; `mcp.bench` is a service binding to `Tools` here.
 *
 * `load`, not `get` with a new id: workerd keeps what `get` loaded for ever, some 2 MB a run.
 */
import { WorkerEntrypoint } from "cloudflare:workers";

const COMPATIBILITY_DATE = "2026-11-01";

export class Tools extends WorkerEntrypoint {
  noop() {
    return "ok";
  }

  async wait() {
    await scheduler.wait(50);
    return "ok";
  }
}

const toModule = (script) => `export default { async fetch(_, mcp) {
const value = await (async () => {
${script}
})();
return Response.json({ result: value ?? null });
} };`;

export default {
  async fetch(request, { LOADER }, { exports }) {
    const { script } = await request.json();
    const worker = LOADER.load({
      compatibilityDate: COMPATIBILITY_DATE,
      mainModule: "script.js",
      modules: { "script.js": toModule(script) },
      env: { bench: exports.Tools({ props: {} }) },
      globalOutbound: null,
    });
    return worker.getEntrypoint().fetch("http://script/");
  },
};
