import { toBase64 } from "./base64.ts";
import { bytesOf } from "./codec.ts";
import { kindOf } from "./kinds.ts";
import { define, getOwnPropertyDescriptor, objectKeys, typedArrayLength } from "./primordials.ts";

/**
 * A value to be emitted, its bytes written as a content block has them: base 64 in `data` of an image or an audio, in `blob`
 * of a resource. What has not exactly such a shape stays as it is; whether a block is well-formed is decided on the host.
 *
 * @source MCP, "ContentBlock"
 */
export function toContentBlock(value: unknown): unknown {
  switch (ownText(value, "type")) {
    case "image":
    case "audio":
      return ownText(value, "mimeType") === undefined ? value : withText(value as object, "data");
    case "resource": {
      const resource = own(value, "resource");
      if (ownText(resource, "uri") === undefined) return value;
      const written = withText(resource as object, "blob");
      return written === resource ? value : withMember(value as object, "resource", written);
    }
    default:
      return value;
  }
}

/** An own member that is no accessor, of a plain object. */
function own(holder: unknown, key: string): unknown {
  if (typeof holder !== "object" || holder === null || kindOf(holder) !== "plain") return undefined;
  return getOwnPropertyDescriptor(holder, key)?.value;
}

function ownText(holder: unknown, key: string): string | undefined {
  const member = own(holder, key);
  return typeof member === "string" ? member : undefined;
}

function withText(holder: object, key: string): object {
  const member = own(holder, key);
  if (typeof member !== "object" || member === null) return holder;
  const kind = kindOf(member);
  if (kind !== "bytes" && kind !== "arrayBuffer" && kind !== "dataView") return holder;
  const bytes = bytesOf(member, kind);
  return withMember(holder, key, toBase64(bytes, typedArrayLength(bytes)));
}

/** A copy of the holder's members, one of them another. */
function withMember(holder: object, key: string, value: unknown): object {
  const copy = {};
  const keys = objectKeys(holder);
  for (let i = 0; i < keys.length; i++) {
    const name = keys[i] as string;
    define(copy, name, name === key ? value : (holder as Record<string, unknown>)[name], true);
  }
  return copy;
}
