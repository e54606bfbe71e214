import { text } from "./schema-nodes.ts";

/** Whether a server may use the model of who calls it. */
export type SamplingMode = "refuse" | "forward";

/** Keys of one server about what it asks of its callers, and their defaults. */
export const QUESTION_KEYS = {
  sampling: text(
    "Whether its tools may use the model of the MCP client that calls them, where that client offers it.",
    {
      enum: ["refuse", "forward"] as const satisfies readonly SamplingMode[],
      default: "refuse",
    },
  ),
} as const;

/** What people write of it. */
export interface QuestionOptions {
  readonly sampling?: SamplingMode;
}

/** What the code reads. */
export interface QuestionConfig {
  /** Whether the server may use the model of who calls it. @default "refuse" */
  readonly sampling: SamplingMode;
}

/** What one server may ask. */
export function compileQuestions(server: QuestionOptions): QuestionConfig {
  return { sampling: server.sampling ?? "refuse" };
}
