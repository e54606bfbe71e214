import { AsyncLocalStorage } from "node:async_hooks";
import { ProtocolError, ProtocolErrorCode } from "@modelcontextprotocol/client";
import type { Clock } from "../lib/clock.ts";
import { RunletError } from "../lib/errors.ts";
import { isRecord } from "../lib/guards.ts";
import type { Log } from "../lib/log.ts";
import {
  type AskerCapabilities,
  canBeAsked,
  capabilitiesOf,
  needsInput,
  type Question,
  toQuestion,
  type Unanswered,
} from "./asker.ts";
import { STREAM_LOST, STREAM_TOO_LARGE } from "./transports/lost-answers.ts";
import type { UpstreamCallOptions, UpstreamResult } from "./upstream.ts";

/** Longest wait for one answer of a person. */
const ANSWER_WITHIN_MS = 300_000;
/** Times one call may ask, and questions at once. */
const MAX_ROUNDS = 10;
const MAX_QUESTIONS = 8;

/** What the questions of a session need. */
export interface QuestionsDeps {
  readonly server: string;
  /** Whether the server may use its callers' models. */
  readonly sampling: boolean;
  readonly clock: Clock;
  readonly log: Log;
  readonly redact: (text: string) => string;
}

/** A call that may be asked something. */
export interface AskableCall extends Pick<UpstreamCallOptions, "principal" | "asker"> {
  readonly tool: string;
  /** Aborts when the call is over for its caller. */
  readonly signal: AbortSignal;
  /** Stops the call's time until what each gives is disposed. */
  readonly pauses: readonly (() => Disposable)[];
}

/** A call in flight, with what its server asked in vain. */
interface CallInFlight extends AskableCall {
  readonly unanswered: Unanswered[];
}

const NOT_ASKED = "its caller cannot be asked for that";

/**
 * What one server asks during the calls of one session, put to the caller of the very call it is asked for.
 *
 * In the era of sessions a question names no call. One that comes on the response stream of a call belongs to it; one that does
 * not is put to nobody unless a single call is in flight, and no call of another principal was given up in this session: the
 * question could be that call's. Who asks in vain is refused and goes on by itself; when the tool then fails, the call ends with
 * UPSTREAM_NEEDS_INPUT.
 */
export class Questions {
  readonly #deps: QuestionsDeps;
  readonly #current = new AsyncLocalStorage<CallInFlight>();
  readonly #inFlight = new Set<CallInFlight>();
  /** Principals that gave up a call: the server may be at it still. */
  readonly #givenUp = new Set<string>();

  constructor(deps: QuestionsDeps) {
    this.#deps = deps;
  }

  /** What the server of a session is told that its callers can be asked for; what each can, is seen when it asks. */
  get declared(): AskerCapabilities {
    return { elicitation: { form: {}, url: {} }, ...(this.#deps.sampling && { sampling: {} }) };
  }

  /**
   * Makes a call during which may be asked.
   *
   * @param send Sends it once; `extra` are members of the request that answer what was asked.
   * @throws UPSTREAM_NEEDS_INPUT when the call failed for want of an answer, else what `send` throws.
   */
  async during(
    asked: AskableCall,
    send: (extra: Readonly<Record<string, unknown>>, capabilities: AskerCapabilities) => Promise<unknown>,
    read: (answer: unknown) => UpstreamResult,
  ): Promise<UpstreamResult> {
    const call: CallInFlight = { ...asked, unanswered: [] };
    this.#inFlight.add(call);
    try {
      return this.#judge(call, read(await this.#rounds(call, send)));
    } catch (error) {
      const [first] = call.unanswered;
      if (first !== undefined && saysItFailed(error) && !call.signal.aborted)
        throw this.#needsInput(call, first, error.message);
      throw error;
    } finally {
      this.#inFlight.delete(call);
      if (call.signal.aborted) this.#givenUp.add(call.principal);
    }
  }

  /** Answers a request of a server of the era of sessions. @throws ProtocolError: the refusal that the server gets. */
  async answer(request: unknown, signal: AbortSignal): Promise<Record<string, unknown>> {
    const question = toQuestion(this.#deps.server, request);
    if (question === undefined) throw refusal(methodOf(request));
    const call = this.#callOf();
    if (call === undefined) throw unknownCaller(question.method);
    if (question.method === "roots/list" || !canBeAsked(call.asker, question, this.#deps.sampling)) {
      call.unanswered.push({ question, why: NOT_ASKED });
      throw refusal(question.method);
    }
    const answer = await this.#ask(call, question, signal);
    if (answer === undefined) throw noAnswer(question.method);
    return { ...answer };
  }

  async #rounds(
    call: CallInFlight,
    send: (extra: Readonly<Record<string, unknown>>, capabilities: AskerCapabilities) => Promise<unknown>,
  ): Promise<unknown> {
    const capabilities = capabilitiesOf(call.asker, this.#deps.sampling);
    let extra: Readonly<Record<string, unknown>> = {};
    for (let round = 0; ; round++) {
      const members = extra;
      const answer = await this.#current.run(call, () => send(members, capabilities));
      if (!isRecord(answer) || answer["resultType"] !== "input_required") return answer;
      if (round === MAX_ROUNDS) throw new Error(`a call may ask ${MAX_ROUNDS} times: it asks once more`);
      extra = await this.#fulfil(call, answer);
    }
  }

  /** The members by which the next request answers what a result asks for. */
  async #fulfil(
    call: CallInFlight,
    { inputRequests, requestState }: Readonly<Record<string, unknown>>,
  ): Promise<Readonly<Record<string, unknown>>> {
    const requests = Object.entries(isRecord(inputRequests) ? inputRequests : {});
    if (requests.length > MAX_QUESTIONS)
      throw new Error(`a call may ask ${MAX_QUESTIONS} things at once: it asks more`);
    const responses: (readonly [string, unknown])[] = [];
    for (const [key, request] of requests) {
      const question = toQuestion(this.#deps.server, request);
      if (question === undefined) throw new Error("what it asks for is nothing that the protocol knows");
      if (!canBeAsked(call.asker, question, this.#deps.sampling))
        throw this.#needsInput(call, { question, why: NOT_ASKED });
      const answer = await this.#ask(call, question, call.signal);
      const last = call.unanswered.at(-1);
      if (answer === undefined && last !== undefined) throw this.#needsInput(call, last);
      responses.push([key, answer]);
    }
    return {
      ...(responses.length > 0 && { inputResponses: Object.fromEntries(responses) }),
      ...(typeof requestState === "string" && { requestState }),
    };
  }

  /** @returns `undefined` when there is no answer, which is noted. */
  async #ask(
    call: CallInFlight,
    question: Question,
    signal: AbortSignal,
  ): Promise<Readonly<Record<string, unknown>> | undefined> {
    const { clock, log, server } = this.#deps;
    const late = new AbortController();
    const timer = clock.after(ANSWER_WITHIN_MS, () => late.abort(new Error("no answer came in time")));
    const ended = AbortSignal.any([signal, call.signal, late.signal]);
    using pauses = new DisposableStack();
    for (const pause of call.pauses) pauses.use(pause());
    try {
      ended.throwIfAborted();
      return await raced(call.asker?.ask(question, ended), ended);
    } catch (error) {
      log.debug({ server, method: question.method, err: error }, "a question of an MCP server got no answer");
      const why = error instanceof RunletError ? error.message.replace(/\.$/u, "") : "its caller did not answer";
      call.unanswered.push({ question, why });
      return undefined;
    } finally {
      timer.cancel();
    }
  }

  /** A tool that failed after a refusal failed of it. */
  #judge(call: CallInFlight, result: UpstreamResult): UpstreamResult {
    const [first] = call.unanswered;
    if (!result.isError || first === undefined) return result;
    const text = result.content.map((block) => (typeof block["text"] === "string" ? block["text"] : "")).join("\n");
    throw this.#needsInput(call, first, text);
  }

  #needsInput({ tool }: CallInFlight, unanswered: Unanswered, said?: string): RunletError {
    return needsInput({ server: this.#deps.server, tool }, unanswered, this.#deps.redact, said);
  }

  /** Whose call a request is about that just came in; `undefined` when that cannot be known. */
  #callOf(): CallInFlight | undefined {
    const related = this.#current.getStore();
    if (related !== undefined) return this.#inFlight.has(related) ? related : undefined;
    const [only, ...others] = this.#inFlight;
    if (only === undefined || others.length > 0) return undefined;
    return [...this.#givenUp].every((principal) => principal === only.principal) ? only : undefined;
  }
}

/** Whether the server answered, and with an error of its own. */
function saysItFailed(error: unknown): error is ProtocolError {
  return error instanceof ProtocolError && error.data !== STREAM_LOST && error.data !== STREAM_TOO_LARGE;
}

function raced<T>(work: Promise<T> | undefined, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
    Promise.resolve(work).then(resolve, reject);
  });
}

function methodOf(request: unknown): string {
  return isRecord(request) && typeof request["method"] === "string" ? request["method"] : "the request";
}

function refusal(method: string): ProtocolError {
  return new ProtocolError(
    ProtocolErrorCode.MethodNotFound,
    `Cannot answer ${method} as this client declares no such capability.`,
    { method, reason: "capability not declared" },
  );
}

function unknownCaller(method: string): ProtocolError {
  return new ProtocolError(
    ProtocolErrorCode.InvalidRequest,
    `Cannot answer ${method} as it must belong to one call in flight: whose it is cannot be known.`,
    { method, reason: "caller not known" },
  );
}

function noAnswer(method: string): ProtocolError {
  return new ProtocolError(ProtocolErrorCode.InternalError, `Cannot answer ${method} as the caller gave no answer.`, {
    method,
    reason: "no answer",
  });
}
