import type { HttpDeps } from "../deps.ts";
import { json, operation, type AnyOperation } from "../operation.ts";
import { ref } from "../response-schemas.ts";
import type { RequestSchema } from "../validate.ts";
import { unknownServer } from "./servers.ts";

/** Body of `POST /servers/{name}/pins/approve`. */
interface ApproveBody {
  readonly tools?: readonly string[];
  readonly digest?: string;
}

const approveBodySchema: RequestSchema<ApproveBody> = {
  schema: {
    type: "object",
    additionalProperties: false,
    properties: {
      tools: {
        type: "array",
        minItems: 1,
        maxItems: 10_000,
        items: { type: "string", minLength: 1 },
        description: "Only these; all that changed, and the instructions, when absent.",
      },
      digest: {
        type: "string",
        minLength: 1,
        maxLength: 200,
        description:
          "`listed.digest` as it was shown: when the server lists something else now, nothing is approved and 409 answered.",
      },
    },
  },
};

/** The tools that servers are held to: what changed, and a way to accept it. */
export function pinOperations(deps: HttpDeps): AnyOperation[] {
  return [showPins(deps), approvePins(deps), resetPins(deps)];
}

function showPins(deps: HttpDeps): AnyOperation {
  return operation({
    method: "GET",
    path: "/servers/:name/pins",
    access: "admin",
    tag: "Servers",
    summary: "The tools that a server is held to, and what it changed since.",
    answers: { 200: { description: "The pin and the difference.", schema: ref("Pins") } },
    handle: ({ param }) => json(toPinsJson(deps, existing(deps, "show the pins of", param("name")))),
  });
}

function approvePins(deps: HttpDeps): AnyOperation {
  return operation<ApproveBody>({
    method: "POST",
    path: "/servers/:name/pins/approve",
    access: "admin",
    tag: "Servers",
    summary: "Accept what a server lists now: all of it, or of some tools only.",
    body: approveBodySchema,
    isBodyOptional: true,
    answers: { 200: { description: "The new pin, and what still differs.", schema: ref("Pins") } },
    async handle({ principal, param, body }) {
      const name = existing(deps, "approve the pins of", param("name"));
      await deps.pins.approve(name, principal.id, body.tools, body.digest);
      return json(toPinsJson(deps, name));
    },
  });
}

function resetPins(deps: HttpDeps): AnyOperation {
  return operation({
    method: "DELETE",
    path: "/servers/:name/pins",
    access: "admin",
    tag: "Servers",
    summary: "Forget what a server is held to: what it lists next is trusted, which is at once when it runs.",
    answers: { 200: { description: "What is pinned now.", schema: ref("Pins") } },
    async handle({ principal, param }) {
      const name = existing(deps, "reset the pins of", param("name"));
      await deps.pins.reset(name, principal.id);
      return json(toPinsJson(deps, name));
    },
  });
}

/** @throws NOT_FOUND */
function existing({ registry }: HttpDeps, verb: string, name: string): string {
  if (registry.get(name) === undefined) throw unknownServer(verb, name, registry);
  return name;
}

function toPinsJson({ registry, pins }: HttpDeps, name: string): object {
  return { ...pins.show(name), pinning: registry.get(name)?.config.pinning };
}
