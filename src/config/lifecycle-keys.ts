import { duration, integer, section, text } from "./schema-nodes.ts";

/** Keys of a server that say how its processes live, and their defaults. */
export const LIFECYCLE_KEYS = {
  sharing: text(
    "Who shares its state: `shared` by all, `perPrincipal`, `perRun`; `auto` shares where the server keeps no state.",
    { enum: ["auto", "shared", "perPrincipal", "perRun"], default: "auto" },
  ),
  maxSessions: integer("Sessions with it at once; the one unused longest makes room for another.", 1, 10_000, {
    default: 64,
  }),
  replicas: integer("Processes of it that share the calls of one session.", 1, 64, { default: 1 }),
  idleStop: {
    ...duration(
      "It is stopped when not used for so long, and started again on its next use; `false`: never.",
      300_000,
      {
        min: 0,
      },
    ),
    type: ["number", "string", "boolean"],
    expects: 'a duration up to 24d, in ms or as text such as "300s", or false',
  },
  restart: section(
    "Failures in a row after which it is tried rarely, or `{max}`; `false`: after one it is started by hand only.",
    { max: integer("Failures in a row.", 0, 1_000, { default: 5 }) },
    { type: ["integer", "boolean", "object"], minimum: 0, maximum: 1_000 },
  ),
} as const;
