import { createNodeNumbers } from "./node-numbers.ts";
import type { TypeNames } from "./type-names.ts";
import type { TypeMember, TypeNode } from "./type-node.ts";

/** Argument types after the parameters that several of them have were moved to types of their own. */
export interface SharedMembers {
  /** In the order given. */
  readonly nodes: readonly TypeNode[];
  readonly bodies: ReadonlyMap<string, TypeNode>;
}

const MIN_MEMBERS = 3;
/** Characters that a group must save. */
const MIN_GAIN = 200;
const MAX_GROUPS = 4;
/** Members that are looked at, and sets of them that are compared pair by pair: they bound the time that a server's list takes. */
const MAX_COMMON = 256;
const MAX_SETS = 64;
const USE_CHARS = 20;
const MEMBER_CHARS = 6;

/** A set of members: bit n is member n. */
type Members = bigint;

/**
 * Finds groups of optional members that several objects have in common, and makes each object that has a whole group an
 * intersection of the group's type with the members of its own. Required members stay where they are: they are what a caller
 * looks for, and their order is that of positional arguments.
 *
 * @param nodes Types of arguments; only objects are changed.
 */
export function shareMembers(nodes: readonly TypeNode[], names: TypeNames): SharedMembers {
  const { common, bitOf } = findCommon(nodes);
  const all = nodes.map((node) => optionalMembers(node).reduce((set, member) => set | bitOf(member), 0n));
  const groups = findGroups(all, common).map((group) => ({ group, name: names.take("Common") }));
  const bodies = new Map<string, TypeNode>();
  for (const { group, name } of groups) {
    const members = common.filter((_, at) => has(group, at)).map(({ member }) => member);
    bodies.set(name, { kind: "object", members, index: undefined, isClosed: false });
  }
  return { nodes: nodes.map((node, at) => withGroups(node, all[at] ?? 0n)), bodies };

  function withGroups(node: TypeNode, set: Members): TypeNode {
    let own = set;
    const parts: TypeNode[] = [];
    for (const { group, name } of groups) {
      if (!isSubset(group, own)) continue;
      own &= ~group;
      parts.push({ kind: "ref", key: name });
    }
    if (node.kind !== "object" || parts.length === 0) return node;
    const moved = set & ~own;
    const members = node.members.filter((member) => !member.optional || (bitOf(member) & moved) === 0n);
    if (members.length > 0 || node.index !== undefined) parts.push({ ...node, members });
    const [only] = parts;
    return parts.length === 1 && only !== undefined ? only : { kind: "intersection", parts };
  }
}

/** A member that several objects have. */
interface CommonMember {
  readonly member: TypeMember;
  /** About how many characters its text has, without its comment: of equal ones all but the first are left out anyway. */
  readonly size: number;
}

/** The members that several objects have, and the bit of each member; no bit for the others. */
function findCommon(nodes: readonly TypeNode[]): {
  readonly common: readonly CommonMember[];
  readonly bitOf: (member: TypeMember) => Members;
} {
  const typeNumber = createNodeNumbers();
  const groups = Map.groupBy(nodes.flatMap(optionalMembers), ({ name, comment, notes, type }) =>
    JSON.stringify([name, comment, notes, typeNumber(type).id]),
  );
  const repeated = [...groups.values()].flatMap(([member, ...others]) => {
    if (member === undefined || others.length === 0) return [];
    const size = member.name.length + member.notes.length + typeNumber(member.type).size + MEMBER_CHARS;
    return [{ member, others, size }];
  });
  const best = new Set(repeated.toSorted((left, right) => savedBy(right) - savedBy(left)).slice(0, MAX_COMMON));
  const common = repeated.filter((one) => best.has(one));
  const bits = new Map<TypeMember, Members>();
  for (const [at, { member, others }] of common.entries()) {
    for (const one of [member, ...others]) bits.set(one, 1n << BigInt(at));
  }
  return { common, bitOf: (member) => bits.get(member) ?? 0n };
}

function savedBy({ others, size }: { readonly others: readonly TypeMember[]; readonly size: number }): number {
  return others.length * size;
}

function optionalMembers(node: TypeNode): readonly TypeMember[] {
  return node.kind === "object" ? node.members.filter((member) => member.optional) : [];
}

/** The groups that save most, one after the other: each is looked for in what the groups before it have left. */
function findGroups(all: readonly Members[], common: readonly CommonMember[]): readonly Members[] {
  let left = all;
  const groups: Members[] = [];
  while (groups.length < MAX_GROUPS) {
    const group = bestGroup(left, common);
    if (group === undefined) break;
    groups.push(group);
    left = left.map((set) => (isSubset(group, set) ? set & ~group : set));
  }
  return groups;
}

/** The set of members that saves most characters, among those that two objects have in common. */
function bestGroup(all: readonly Members[], common: readonly CommonMember[]): Members | undefined {
  const uses = new Map<Members, number>();
  for (const set of all) if (set !== 0n) uses.set(set, (uses.get(set) ?? 0) + 1);
  const sets = [...uses].sort(([, left], [, right]) => right - left).slice(0, MAX_SETS);
  const candidates = new Set(sets.flatMap(([set], at) => sets.slice(at).map(([other]) => set & other)));
  let best: Members | undefined;
  let bestGain = MIN_GAIN - 1;
  for (const candidate of candidates) {
    const members = common.filter((_, at) => has(candidate, at));
    if (members.length < MIN_MEMBERS) continue;
    const used = sets.reduce((sum, [set, times]) => (isSubset(candidate, set) ? sum + times : sum), 0);
    const size = members.reduce((sum, member) => sum + member.size, 0);
    const gain = (used - 1) * size - used * USE_CHARS;
    if (gain > bestGain) [best, bestGain] = [candidate, gain];
  }
  return best;
}

function has(set: Members, at: number): boolean {
  return (set & (1n << BigInt(at))) !== 0n;
}

/** Whether a set that is not empty is part of another. */
function isSubset(part: Members, whole: Members): boolean {
  return part !== 0n && (part & whole) === part;
}
