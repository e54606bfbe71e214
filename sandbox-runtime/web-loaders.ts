import { AbortController, AbortSignal, useTimer } from "./web-abort.ts";
import type { After } from "./web-abort.ts";
import { atob, btoa } from "./web-base64.ts";
import { structuredClone } from "./web-clone.ts";
import { domExceptionClass } from "./web-dom-exception.ts";
import { Event, EventTarget } from "./web-events.ts";
import { TextDecoder, TextEncoder } from "./web-text.ts";

/**
 * The web globals but those for URLs, by name. The bundler puts this module and all that only it needs into a text, which
 * is evaluated when this function is called.
 *
 * @param after Sets a timer for `AbortSignal.timeout`.
 */
export function loadWeb(after: After): Readonly<Record<string, unknown>> {
  useTimer(after);
  return {
    AbortController,
    AbortSignal,
    DOMException: domExceptionClass(),
    Event,
    EventTarget,
    TextDecoder,
    TextEncoder,
    atob,
    btoa,
    structuredClone,
  };
}
