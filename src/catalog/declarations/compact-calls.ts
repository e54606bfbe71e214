import type { CatalogTool } from "../catalog.ts";
import { nameDefinitions } from "./definition-names.ts";
import { dropRepeatedComments } from "./repeated-comments.ts";
import { shareMembers } from "./shared-members.ts";
import { shareTypes } from "./shared-types.ts";
import type { HintedType } from "./shared-types.ts";
import { fitCall, toolTypes } from "./tool-types.ts";
import type { CallType } from "./tool-types.ts";
import type { TypeNames } from "./type-names.ts";
import { UNKNOWN } from "./type-node.ts";
import type { TypeNode } from "./type-node.ts";

/** The calls of one server's tools and the types they share. */
export interface CompactCalls {
  /** In the order of the tools. */
  readonly calls: readonly { readonly tool: CatalogTool; readonly call: CallType }[];
  /** Types by name, in the order in which they are to be declared. */
  readonly bodies: ReadonlyMap<string, TypeNode>;
}

/**
 * The types of a server's tools, with what is said several times said once: definitions, groups of parameters, equal parts and
 * equal comments.
 */
export function compactCalls(tools: readonly CatalogTool[], names: TypeNames): CompactCalls {
  const typed = tools.map((tool) => ({ tool, types: toolTypes(tool) }));
  const definitions = nameDefinitions(
    typed.flatMap(({ types }) => [types.arguments, ...(types.result === undefined ? [] : [types.result])]),
    names,
  );
  const calls = typed.map(({ tool, types }) => {
    const { arguments: args, result } = types;
    const call = fitCall(
      types,
      { layout: "block", indent: 1 },
      {
        arguments: (key) => definitions.nameOf(args, key),
        result: (key) => (result === undefined ? undefined : definitions.nameOf(result, key)),
      },
    );
    return { tool, call };
  });
  const groups = shareMembers(
    calls.map(({ call }) => call.arguments ?? UNKNOWN),
    names,
  );
  const shared = shareTypes(
    calls.flatMap(({ tool, call }, at): readonly HintedType[] => [
      { node: groups.nodes[at] ?? UNKNOWN, hint: tool.method, isKept: true },
      { node: call.result, hint: `${tool.method}Result`, isKept: false },
    ]),
    new Map([...groups.bodies, ...definitions.bodies]),
    names,
  );
  const said = dropRepeatedComments([...shared.bodies.values(), ...shared.nodes]);
  const nodeAt = (at: number): TypeNode => said[at] ?? UNKNOWN;
  const first = shared.bodies.size;
  return {
    bodies: new Map([...shared.bodies.keys()].map((name, at) => [name, nodeAt(at)])),
    calls: calls.map(({ tool, call }, at) => ({
      tool,
      call: {
        ...call,
        arguments: call.arguments === undefined ? undefined : nodeAt(first + 2 * at),
        result: nodeAt(first + 2 * at + 1),
      },
    })),
  };
}
