import { RunletError } from "../../lib/errors.ts";

const LINE_FEED = 10;

/**
 * A response whose body fails once a message in it is over the bound: the whole body, or one event of an event stream,
 * which may go on for hours.
 *
 * @param onExceeded Called once, before the body fails.
 */
export function boundBody(response: Response, maxBytes: number, onExceeded: () => void): Response {
  if (response.body === null || isShort(response, maxBytes)) return response;
  const eventStream = response.headers.get("content-type")?.toLowerCase().startsWith("text/event-stream") === true;
  const bounded = response.body.pipeThrough(bodyLimit(maxBytes, eventStream, onExceeded));
  const { status, statusText, headers } = response;
  return new Response(bounded, { status, statusText, headers });
}

/** Whether the client itself reads no more than the bound: a stream around the body would cost a tenth of a millisecond. */
function isShort({ headers }: Response, maxBytes: number): boolean {
  const length = headers.get("content-length");
  return length !== null && !headers.has("content-encoding") && /^\d+$/u.test(length) && Number(length) <= maxBytes;
}

function bodyLimit(
  maxBytes: number,
  eventStream: boolean,
  onExceeded: () => void,
): TransformStream<Uint8Array, Uint8Array> {
  let bytes = 0;
  let endedLine = false;
  return new TransformStream({
    transform(chunk, controller) {
      const boundary = eventStream ? lastEventEnd(chunk, endedLine) : 0;
      endedLine = chunk.at(-1) === LINE_FEED;
      bytes = boundary === 0 ? bytes + chunk.length : chunk.length - boundary;
      if (bytes <= maxBytes) {
        controller.enqueue(chunk);
        return;
      }
      onExceeded();
      controller.error(
        new RunletError(
          "UPSTREAM_PROTOCOL",
          `Cannot read an answer as it must be at most ${maxBytes} bytes: it is larger.`,
        ),
      );
    },
  });
}

/** Offset behind the last blank line of a chunk, 0 when it has none. @param endedLine The chunk before ended a line. */
function lastEventEnd(chunk: Uint8Array, endedLine: boolean): number {
  const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  const inside = Math.max(endOf(bytes, "\n\n"), endOf(bytes, "\n\r\n"));
  if (inside > 0 || !endedLine) return inside;
  if (bytes[0] === LINE_FEED) return 1;
  return bytes.subarray(0, 2).equals(Buffer.from("\r\n")) ? 2 : 0;
}

function endOf(bytes: Buffer, text: string): number {
  const at = bytes.lastIndexOf(text);
  return at === -1 ? 0 : at + text.length;
}
