import type { JsonSchema } from "../upstream/upstream.ts";
import { toArgumentProblems } from "./argument-problems.ts";
import type { ArgumentProblem, ArgumentValidator } from "./call.ts";
import { createSchemaCompiler, type SchemaCheck, type SchemaCompiler } from "./schema-compiler.ts";

/** Arguments above this size are checked up to their first fault only: faults can be many times larger than the value. */
const MAX_THOROUGH_BYTES = 16 * 1024;

const TOO_DEEP: ArgumentProblem = { pointer: "", message: "is nested too deeply to be checked" };

/**
 * Of larger schemas the tool's server alone judges the arguments: Ajv's time to compile grows with the square of a schema's parts, and
 * code for some thousands exhausts the stack.
 *
 * @source measured: 500 parts take up to 200 ms, 2,000 take 3 s; of 7,338 schemas of real tools the largest has 128
 */
const MAX_PARTS = 500;

/**
 * Makes a validator that compiles each tool's schema when it is first needed and remembers it, or that it cannot be used,
 * as long as the schema object lives. Valid arguments take the fast path; small invalid ones are checked again for all of
 * their faults. Never changes the arguments and never fetches anything.
 */
export function createArgumentValidator(): ArgumentValidator {
  const first = remember(createSchemaCompiler({ every: false, maxParts: MAX_PARTS }));
  const every = remember(createSchemaCompiler({ every: true, maxParts: MAX_PARTS }));

  function problemsOf(schema: JsonSchema, args: unknown): readonly ArgumentProblem[] {
    const faults = first(schema)?.(args) ?? [];
    if (faults.length === 0) return [];
    const small = (JSON.stringify(args) ?? "").length <= MAX_THOROUGH_BYTES;
    const thorough = small ? every(schema) : undefined;
    return toArgumentProblems(thorough?.(args) ?? faults);
  }

  return {
    check(tool, args) {
      try {
        return problemsOf(tool.inputSchema, args);
      } catch (thrown) {
        if (thrown instanceof RangeError) return [TOO_DEEP];
        throw thrown;
      }
    },
  };
}

type CachedCompile = (schema: JsonSchema) => SchemaCheck | undefined;

function remember(compiler: SchemaCompiler): CachedCompile {
  const known = new WeakMap<object, { readonly check: SchemaCheck | undefined }>();
  return (schema) => {
    if (typeof schema === "boolean") return compiler.compile(schema);
    let entry = known.get(schema);
    if (entry === undefined) known.set(schema, (entry = { check: compiler.compile(schema) }));
    return entry.check;
  };
}
