// Posts a run that waits for approval, approves it, and checks what came of it: node approve.ts [URL]
const url = process.argv[2] ?? "http://127.0.0.1:8377";

interface Run {
  id: string;
  status: string;
  result?: unknown;
  approvals?: { callId: number; tool: string }[];
}

async function send(method: string, path: string, body?: unknown): Promise<Run> {
  const response = await fetch(url + path, {
    method,
    headers: { "content-type": "application/json", prefer: "wait=30" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  return (await response.json()) as Run;
}

const script = `
  const before = (await mcp.memory.readGraph({})).entities.length;
  await mcp.memory.createEntities({ entities: [{ name: input.name, entityType: "city", observations: [] }] });
  return [before, (await mcp.memory.readGraph({})).entities.length - before];`;

const waiting = await send("POST", "/run", { script, input: { name: `Oslo ${Date.now()}` } });
console.log(`${waiting.id} is ${waiting.status} for ${waiting.approvals?.map(({ tool }) => tool).join(", ")}`);
if (waiting.status !== "waiting") throw new Error("the run did not wait");

await send("POST", `/runs/${waiting.id}/approvals`, { all: true, decision: "approve" });
const run = await send("GET", `/runs/${waiting.id}`);
if (run.status !== "succeeded" || JSON.stringify(run.result).endsWith(",1]") === false)
  throw new Error(`not what was expected: ${JSON.stringify(run)}`);
console.log(`approved: the graph has one entity more`);
