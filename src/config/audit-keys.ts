import { section, text, toggle } from "./schema-nodes.ts";

/** `audit`. */
export const AUDIT = section(
  "A JSON line for each call of a tool: true, false, a file, or `{file, enabled}`; on where `dataDir` is a folder.",
  {
    file: text("The file, relative to the configuration file; `audit.jsonl` in `dataDir` when missing.", {
      minLength: 1,
    }),
    enabled: toggle("Whether it is written.", true, {}),
  },
  { type: ["boolean", "string", "object"], minLength: 1, strictKeys: true },
);
