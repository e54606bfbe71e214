import { bytes, listOf, text } from "./schema-nodes.ts";
import type { SchemaNode } from "./schema-nodes.ts";

const MIB = 1024 ** 2;

/** Keys of a server that runs in a container, and their defaults. None of their values can be taken for a flag. */
export const CONTAINER_KEYS = {
  image: text("Image to run in a container of its own; it speaks MCP on stdin and stdout.", {
    pattern: "^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,511}$",
    expects: "the name of an image, such as mcp/time:1.0",
  }),
  runtime: text("Program that runs containers; docker where it is on the PATH, else podman.", {
    enum: ["docker", "podman"],
  }),
  memory: bytes("Most memory of the container.", 512 * MIB, { min: 8 * MIB, max: 1024 ** 4 }),
  cpus: {
    description: "Most processors of the container.",
    type: "number",
    minimum: 0.01,
    maximum: 1_024,
    default: 1,
  },
  network: text("Network of the container; `none` for none.", {
    pattern: "^[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}$",
    expects: "the name of a network",
    default: "bridge",
  }),
  volumes: listOf("What it sees of this machine, each as `source:target` or `source:target:ro`.", {
    description: "A folder or the name of a volume, and an absolute path in the container.",
    type: "string",
    pattern:
      "^(?:[A-Za-z0-9_.~][^:\\u0000-\\u001f]*|/[^:\\u0000-\\u001f]*):/[^:\\u0000-\\u001f]*(?::[A-Za-z]+(?:,[A-Za-z]+)*)?$",
    expects: "source:/target or source:/target:options",
  }),
} as const satisfies Readonly<Record<string, SchemaNode>>;
