import type { ErrorInfo } from "../../src/lib/errors.ts";
import type { RunEvent, RunView } from "../../src/runs/run.ts";

/** An answer over HTTP, its body read. */
export interface Answer<Body> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

/** Options of one request. */
export interface SendOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** A run whose end was awaited; members that every ended run has are there. */
export type EndedRun = RunView & Required<Pick<RunView, "logs" | "usage" | "emitted" | "resultType">>;

/** A service as one caller sees it. */
export interface ServiceClient {
  readonly url: string;
  /** Sends JSON, or nothing; reads JSON, or text where it is none. */
  send<Body = unknown>(method: string, path: string, body?: unknown, options?: SendOptions): Promise<Answer<Body>>;
  get<Body = unknown>(path: string, options?: SendOptions): Promise<Answer<Body>>;
  post<Body = unknown>(path: string, body: unknown, options?: SendOptions): Promise<Answer<Body>>;
  /** Posts a run and waits for its end. @throws Error when it is refused or does not end. */
  run(script: string, more?: Readonly<Record<string, unknown>>): Promise<EndedRun>;
  /** Posts a run in mode `queue`. @returns Its id. */
  queue(script: string, more?: Readonly<Record<string, unknown>>): Promise<string>;
  /** A run's end, however it was posted. */
  ended(id: string): Promise<EndedRun>;
  /** The events of a run until its end. */
  events(id: string, options?: SendOptions): AsyncGenerator<RunEvent, void, undefined>;
}

/** A problem document. */
export interface Problem extends ErrorInfo {
  readonly type: string;
  readonly status: number;
  readonly title: string;
  readonly detail: string;
}

/** @param base Headers of every request. */
export function openClient(url: string, base: Readonly<Record<string, string>> = {}): ServiceClient {
  const request = (method: string, path: string, body: unknown, options: SendOptions = {}): Promise<Response> =>
    fetch(url + path, {
      method,
      headers: { ...base, ...(body === undefined ? {} : { "content-type": "application/json" }), ...options.headers },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
  const send = async (
    method: string,
    path: string,
    body?: unknown,
    options?: SendOptions,
  ): Promise<Answer<unknown>> => {
    const response = await request(method, path, body, options);
    const { status, headers } = response;
    const text = await response.text();
    const isJson = headers.get("content-type")?.includes("json") === true;
    return { status, headers, body: isJson ? (JSON.parse(text) as unknown) : text };
  };
  const client: ServiceClient = {
    url,
    // What a body is, the caller says: each test asserts what it reads.
    send: send as ServiceClient["send"],
    get: (path, options) => client.send("GET", path, undefined, options),
    post: (path, body, options) => client.send("POST", path, body, options),
    async run(script, more) {
      const answer = await client.post("/run", { script, ...more });
      return expectEnded(answer);
    },
    async queue(script, more) {
      const { status, body } = await client.post<RunView>("/run", { script, mode: "queue", ...more });
      if (status !== 202) throw new Error(`the run was not queued: ${status} ${JSON.stringify(body)}`);
      return body.id;
    },
    async ended(id) {
      return expectEnded(await client.get(`/runs/${id}`, { headers: { prefer: "wait=60" } }));
    },
    async *events(id, options) {
      const response = await request("GET", `/runs/${id}/events`, undefined, options);
      if (response.body === null) return;
      yield* readEvents(response.body);
    },
  };
  return client;
}

function expectEnded({ status, body }: Answer<unknown>): EndedRun {
  const run = body as EndedRun;
  if (status !== 200 || run.usage === undefined) throw new Error(`no ended run: ${status} ${JSON.stringify(body)}`);
  return run;
}

/** Reads server-sent events whose data is JSON. */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<RunEvent, void, undefined> {
  let text = "";
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    const frames = (text + chunk).split("\n\n");
    text = frames.pop() ?? "";
    for (const frame of frames) {
      const data = /^data: (.*)$/mu.exec(frame)?.[1];
      if (data !== undefined) yield JSON.parse(data) as RunEvent;
    }
  }
}
