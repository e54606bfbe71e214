import { mapChildren } from "./type-node.ts";
import type { TypeNode } from "./type-node.ts";

/**
 * Leaves a property's comment out where an earlier property of the same name has the same one: what is said once of a server's
 * `owner` holds of each. Notes (formats, defaults) stay.
 *
 * @param nodes In the order in which they are printed.
 * @returns In the order given.
 */
export function dropRepeatedComments(nodes: readonly TypeNode[]): readonly TypeNode[] {
  const said = new Set<string>();
  const drop = (node: TypeNode): TypeNode => {
    if (node.kind !== "object") return mapChildren(node, drop);
    const members = node.members.map((member) => {
      const key = JSON.stringify([member.name, member.comment]);
      const comment = said.has(key) ? "" : member.comment;
      said.add(key);
      return { ...member, comment, type: drop(member.type) };
    });
    return { ...node, members, index: node.index === undefined ? undefined : drop(node.index) };
  };
  return nodes.map(drop);
}
