/** A request in flight; disposing it forgets the request. Safe to dispose twice. */
export interface InFlightRequest extends Disposable {
  /** Aborts when the request is cancelled by a message of its own. */
  readonly signal: AbortSignal;
}

/** Whose request it is: ids are unique within one client's session only. */
export interface RequestKey {
  readonly principalId: string;
  readonly sessionId: string;
  readonly requestId: string | number;
}

/** Requests that a later message may cancel, across HTTP exchanges of one process. */
export interface InFlightRequests {
  /** Remembers a request until it is disposed. The same key again replaces the older one. */
  track(key: RequestKey): InFlightRequest;
  /** Aborts a request. @returns Whether there was one. */
  cancel(key: RequestKey): boolean;
}

/**
 * Remembers requests in flight. Revisions up to 2025-11-25 cancel by a message in another HTTP request, which a
 * stateless server would not connect with the request it means.
 *
 * @source Model Context Protocol 2025-11-25, basic/utilities/cancellation.
 */
export function createInFlightRequests(): InFlightRequests {
  const controllers = new Map<string, AbortController>();
  return {
    track(key) {
      const text = keyText(key);
      const controller = new AbortController();
      controllers.set(text, controller);
      return {
        signal: controller.signal,
        [Symbol.dispose]: () => {
          if (controllers.get(text) === controller) controllers.delete(text);
        },
      };
    },
    cancel(key) {
      const controller = controllers.get(keyText(key));
      controller?.abort(new Error("the client cancelled the request"));
      return controller !== undefined;
    },
  };
}

/** Unambiguous: the request ids `1` and `"1"` are two. */
function keyText({ principalId, sessionId, requestId }: RequestKey): string {
  return JSON.stringify([principalId, sessionId, requestId]);
}
