import { isRecord } from "../../lib/guards.ts";
import { pointerStep } from "../../lib/json.ts";
import type { ToolDefinition } from "../../upstream/upstream.ts";

/** A text that a model may read, and where it stands: a JSON pointer into the tool as its server lists it. */
export interface PlacedText {
  readonly place: string;
  readonly text: string;
  /** The text is the name of a member. */
  readonly isKey?: true;
}

/** Every text of a tool: its name, title, description and annotations' title, and all names and texts of its schemas. */
export function* textsOf(tool: ToolDefinition): Generator<PlacedText, void, undefined> {
  yield { place: "/name", text: tool.name };
  if (tool.title !== undefined) yield { place: "/title", text: tool.title };
  yield { place: "/description", text: tool.description };
  if (tool.annotations?.title !== undefined) yield { place: "/annotations/title", text: tool.annotations.title };
  yield* textsIn(tool.inputSchema, "/inputSchema");
  if (tool.outputSchema !== undefined) yield* textsIn(tool.outputSchema, "/outputSchema");
}

/** Keys are texts too: a model reads the names of properties. Depth is bounded where lists are parsed. */
function* textsIn(value: unknown, place: string): Generator<PlacedText, void, undefined> {
  if (typeof value === "string") yield { place, text: value };
  else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) yield* textsIn(item, `${place}/${index}`);
  } else if (isRecord(value)) {
    for (const [key, item] of Object.entries(value)) {
      const at = place + pointerStep(key);
      yield { place: at, text: key, isKey: true };
      yield* textsIn(item, at);
    }
  }
}
