import { afterEach, describe, expect, it } from "vitest";
import type { CompilerCommand } from "../../../../src/script/typecheck/typecheck-command.ts";
import { CompilerProcess } from "../../../../src/script/typecheck/typecheck-process.ts";
import type { AnswerFileRequest } from "../../../../src/script/typecheck/typecheck-process.ts";

const started: CompilerProcess[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((compiler) => compiler.kill(new Error("the test is over"))));
});

/** A process that runs a program of the test's instead of the compiler. */
function start(program: string, answer: AnswerFileRequest = async () => null): CompilerProcess {
  const command: CompilerCommand = { command: process.execPath, args: ["-e", program], env: {}, libFolder: "/" };
  const compiler = new CompilerProcess(command, answer);
  started.push(compiler);
  return compiler;
}

/** Answers each question with `reply`, an expression over `m`, the question. */
function answering(reply: string): string {
  return `
    let text = "";
    const send = (m) => { const b = JSON.stringify(m); process.stdout.write("Content-Length: " + Buffer.byteLength(b) + "\\r\\n\\r\\n" + b); };
    process.stdin.setEncoding("latin1").on("data", (chunk) => {
      text += chunk;
      for (let match; (match = /^Content-Length: (\\d+)\\r\\n\\r\\n/.exec(text)); ) {
        const end = match[0].length + Number(match[1]);
        if (text.length < end) return;
        const m = JSON.parse(Buffer.from(text.slice(match[0].length, end), "latin1").toString());
        text = text.slice(end);
        ${reply};
      }
    });`;
}

describe("a question to the compiler", () => {
  it("is answered, in whatever order the answers come", async () => {
    const compiler = start(answering("setTimeout(() => send({ id: m.id, result: m.params }), m.params.delay)"));
    const [slow, fast] = [compiler.ask("a", { delay: 60, é: "ü" }), compiler.ask("b", { delay: 0 })];
    expect(await fast).toEqual({ delay: 0 });
    expect(await slow).toEqual({ delay: 60, é: "ü" });
  });

  it("may be followed by its own questions about files", async () => {
    const program = answering(
      "if (m.method === 'go') { globalThis.asked = m.id; send({ id: 9, method: 'readFile', params: '/a' }); } else send({ id: globalThis.asked, result: m.result })",
    );
    const compiler = start(program, async (method, path) => ({ content: `${method} ${path}` }));
    expect(await compiler.ask("go", null)).toEqual({ content: "readFile /a" });
  });

  it("is refused as the compiler refuses it", async () => {
    const compiler = start(answering("send({ id: m.id, error: { code: 1, message: 'no such project' } })"));
    await expect(compiler.ask("a", null)).rejects.toThrow("the compiler refused: no such project");
    expect(compiler.alive).toBe(true);
  });

  it.each([
    ["does not speak the protocol", "process.stdout.write('x'.repeat(5000))", "does not speak its protocol"],
    ["sends no JSON", "process.stdout.write('Content-Length: 3\\r\\n\\r\\n{x}')", "does not speak its protocol"],
    [
      "says more than is read",
      "process.stdout.write('Content-Length: 99999999\\r\\n\\r\\n')",
      "more to say than is read",
    ],
    ["gives no length", "process.stdout.write('Content: 3\\r\\n\\r\\n{}')", "more to say than is read"],
    ["ends", "console.error('panic: out of memory'); process.exitCode = 2", "ended with 2: panic: out of memory"],
  ])("is refused when the process %s", async (_claim, program, message) => {
    const compiler = start(program);
    await expect(compiler.ask("a", null)).rejects.toThrow(message);
    expect(compiler.alive).toBe(false);
    await expect(compiler.ask("b", null)).rejects.toThrow(message);
  });

  it("is refused when there is no such program, or a file cannot be given", async () => {
    const command: CompilerCommand = { command: "/no/such/compiler", args: [], env: {}, libFolder: "/" };
    await expect(new CompilerProcess(command, async () => null).ask("a", null)).rejects.toThrow("ENOENT");
    const asking = start(answering("send({ id: 9, method: 'readFile', params: '/a' })"), async () => {
      throw new Error("the disk is gone");
    });
    await expect(asking.ask("a", null)).rejects.toThrow("the disk is gone");
  });

  it("is refused with the reason for which the process was killed, and the process is gone", async () => {
    const compiler = start("setInterval(() => {}, 1000)");
    const asked = expect(compiler.ask("a", null)).rejects.toThrow("too slow");
    await compiler.kill(new Error("too slow"));
    await compiler.kill(new Error("again"));
    await asked;
    expect(() => process.kill(compiler.pid ?? 0, 0)).toThrow("ESRCH");
  });
});
