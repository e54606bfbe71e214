import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** One scripted reply of the model. */
export type ModelReply =
  /** A chat completion with this text. */
  | {
      readonly kind: "text";
      readonly text: string;
      readonly usage?: { readonly inputTokens: number; readonly outputTokens: number };
      readonly finishReason?: string;
      /** ms before the answer. */
      readonly delayMs?: number;
    }
  /** The model refuses in the field that the API has for it. */
  | { readonly kind: "refusal"; readonly refusal: string }
  /** An error status with OpenAI's error body. */
  | {
      readonly kind: "status";
      readonly status: number;
      readonly message?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** Status 200 with this body, whatever it is. */
  | { readonly kind: "raw"; readonly body: string; readonly contentType?: string }
  /** Headers and part of a body, then silence. */
  | { readonly kind: "stall" }
  /** Nothing at all. */
  | { readonly kind: "silence" }
  /** Headers and part of a body, then the connection is cut. */
  | { readonly kind: "cut" }
  /** The connection is cut before any header. */
  | { readonly kind: "reset" };

/** A request the model got. */
export interface ModelRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: {
    readonly model?: string;
    readonly messages?: readonly { readonly role: string; readonly content: string }[];
    readonly [key: string]: unknown;
  };
}

/** A model that says what a test wants. */
export interface ModelServer {
  /** For `model.baseURL`. */
  readonly baseURL: string;
  /** Every request so far, in order. */
  readonly requests: readonly ModelRequest[];
  /** Appends replies; when none is left, a request is answered with status 400. */
  enqueue(...replies: ModelReply[]): void;
  /** Cuts every connection and frees the port. Safe to call twice. */
  close(): Promise<void>;
}

/** Starts a scripted server with OpenAI's chat completions on a free port of the loopback interface. */
export async function startModelServer(...replies: ModelReply[]): Promise<ModelServer> {
  const queue = [...replies];
  const requests: ModelRequest[] = [];
  const timers = new Set<NodeJS.Timeout>();
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const text = await readBody(request);
    requests.push({
      method: request.method ?? "",
      path: request.url ?? "",
      headers: request.headers,
      body: JSON.parse(text) as ModelRequest["body"],
    });
    const reply = queue.shift() ?? { kind: "status", status: 400, message: "no reply is queued in the test" };
    const delayMs = reply.kind === "text" ? (reply.delayMs ?? 0) : 0;
    timers.add(setTimeout(() => send(response, reply), delayMs));
  };
  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  let closing: Promise<void> | undefined;
  return {
    baseURL: `http://127.0.0.1:${port}/v1`,
    requests,
    enqueue: (...more) => queue.push(...more),
    close: () => {
      for (const timer of timers) clearTimeout(timer);
      closing ??= new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
      return closing;
    },
  };
}

function send(response: ServerResponse, reply: ModelReply): void {
  switch (reply.kind) {
    case "text": {
      const { text, usage, finishReason = "stop" } = reply;
      sendJson(response, 200, completion({ role: "assistant", content: text, refusal: null }, finishReason, usage));
      return;
    }
    case "refusal":
      sendJson(response, 200, completion({ role: "assistant", content: null, refusal: reply.refusal }, "stop"));
      return;
    case "status":
      for (const [name, value] of Object.entries(reply.headers ?? {})) response.setHeader(name, value);
      sendJson(response, reply.status, {
        error: { message: reply.message ?? "scripted", type: "scripted", param: null, code: null },
      });
      return;
    case "raw":
      response.writeHead(200, { "content-type": reply.contentType ?? "application/json" }).end(reply.body);
      return;
    case "stall":
    case "cut":
      response.writeHead(200, { "content-type": "application/json", "content-length": "1000" });
      response.write('{"choices": [', () => {
        if (reply.kind === "cut") response.destroy();
      });
      return;
    case "silence":
      return;
    case "reset":
      response.destroy();
      return;
    default:
      reply satisfies never;
  }
}

function completion(
  message: object,
  finishReason: string,
  usage: { readonly inputTokens: number; readonly outputTokens: number } = { inputTokens: 100, outputTokens: 20 },
): object {
  return {
    id: "chatcmpl-scripted",
    object: "chat.completion",
    created: 0,
    model: "scripted",
    choices: [{ index: 0, message, finish_reason: finishReason, logprobs: null }],
    usage: {
      prompt_tokens: usage.inputTokens,
      completion_tokens: usage.outputTokens,
      total_tokens: usage.inputTokens + usage.outputTokens,
    },
  };
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

async function readBody(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) text += chunk as string;
  return text === "" ? "{}" : text;
}
