import { Parser, tokTypes } from "acorn";
import type { Expression, Node, Options, Program, TokenType } from "acorn";
import { MAX_SCOPES, MAX_TREE_DEPTH, TreeTooLarge } from "./tree-bounds.ts";
import type { TreeBudget } from "./tree-bounds.ts";

/** The names of one scope; the parser looks each new one up among them. */
class ScopeNames extends Array<string> {
  protected known = new Set<string>();

  override push(...names: readonly string[]): number {
    for (const name of names) this.known.add(name);
    return super.push(...names);
  }

  /** Of which occurrence, the parser does not ask. */
  override indexOf(name: string): number {
    return this.known.has(name) ? 0 : -1;
  }
}

/** Names that `var` declares. The parser adds each to all scopes around it; here the innermost has it, and hands it on when it ends. */
class HoistedNames extends ScopeNames {
  isInnermost = true;

  override push(...names: readonly string[]): number {
    if (this.isInnermost) for (const name of names) this.known.add(name);
    return 0;
  }

  /** Takes over the names of a scope inside that has ended. */
  adopt(inner: HoistedNames): void {
    const [small, large] = this.known.size < inner.known.size ? [this.known, inner.known] : [inner.known, this.known];
    for (const name of small) large.add(name);
    this.known = large;
  }
}

interface Scope {
  readonly flags: number;
  readonly var: HoistedNames;
  readonly lexical: ScopeNames;
  readonly functions: ScopeNames;
}

/** A regular expression that was read and is to be checked. */
interface RegExpState {
  readonly start: number;
  readonly source: string;
  readonly flags: string;
}

/** What the parser has besides what it declares. @source acorn 8.19.0, src/node.js and src/tokenize.js */
interface Internals {
  /** Of the token that comes next. */
  readonly start: number;
  readonly type: TokenType;
  startNode(): Node;
  startNodeAt(offset: number, location: unknown): Node;
  finishNode(node: Node, type: string): Node;
  raise(offset: number, message: string): never;
  nextToken(): void;
  parseExpression(): Expression;
}

const OpenParser = Parser as unknown as new (options: Options, text: string, start?: number) => Parser & Internals;

/** Scopes at which `var` stops: a program, a function, a static block. @source acorn 8.19.0, src/scopeflags.js */
const VAR_SCOPES = 1 | 2 | 256;
/** Characters of a regular expression that count as a node: what makes it takes that long. */
const PATTERN_UNITS_PER_NODE = 4;

/**
 * Acorn's parser, held to a budget of nodes and to a depth, whose time does not grow with the square of anything: neither of the
 * names that a scope declares, nor of the scopes around a `var`, nor of the groups of a regular expression, which V8 judges.
 *
 * @source acorn 8.19.0, src/scope.js: its lists of names are searched from their beginning for each further name, which for a text of
 * 256 KiB took 6 s, and 111 s for 1 MiB; a `var` is noted in each block around it, 9 s and 466 MiB for 256 KiB; src/regexp.js compares
 * each group with all of its name
 */
export class ScriptParser extends OpenParser {
  declare readonly scopeStack: Scope[];
  readonly #budget: TreeBudget;
  #nodes = 0;
  /** Of the nodes that are whole and not part of a whole one yet: where they begin, and how deep they are. */
  readonly #starts: number[] = [];
  readonly #depths: number[] = [];

  private constructor(text: string, options: Options, budget: TreeBudget, start?: number) {
    super(options, text, start);
    this.#budget = budget;
  }

  /** Reads a program. @throws SyntaxError with `pos`; TreeTooLarge; RangeError when the stack is exhausted. */
  static readProgram(text: string, options: Options, budget: TreeBudget): Program {
    return new ScriptParser(text, options, budget).parse();
  }

  /**
   * Reads the expression that is all of a text from an offset on; semicolons may follow.
   *
   * @returns `undefined` when something else follows.
   * @throws As `readProgram` does.
   */
  static readExpression(text: string, start: number, options: Options, budget: TreeBudget): Expression | undefined {
    const parser = new ScriptParser(text, options, budget, start);
    parser.nextToken();
    const expression = parser.parseExpression();
    while (parser.type === tokTypes.semi) parser.nextToken();
    return parser.type === tokTypes.eof ? expression : undefined;
  }

  override startNode(): Node {
    this.#count(1);
    return super.startNode();
  }

  override startNodeAt(offset: number, location: unknown): Node {
    this.#count(1);
    return super.startNodeAt(offset, location);
  }

  /** What is inside of a node was finished before it and begins where it does or later. */
  override finishNode(node: Node, type: string): Node {
    let depth = 0;
    while ((this.#starts.at(-1) ?? -1) >= node.start) {
      this.#starts.pop();
      depth = Math.max(depth, this.#depths.pop() ?? 0);
    }
    if (depth >= MAX_TREE_DEPTH) throw new TreeTooLarge("depth", node.start);
    this.#starts.push(node.start);
    this.#depths.push(depth + 1);
    return super.finishNode(node, type);
  }

  /** Called by the parser, from its constructor on. */
  enterScope(flags: number): void {
    const outer = this.scopeStack.at(-1);
    if (outer !== undefined) outer.var.isInnermost = false;
    if (this.scopeStack.length > MAX_SCOPES) throw new TreeTooLarge("depth", this.start);
    this.scopeStack.push({ flags, var: new HoistedNames(), lexical: new ScopeNames(), functions: new ScopeNames() });
  }

  /** Called by the parser. */
  exitScope(): void {
    const inner = this.scopeStack.pop();
    const outer = this.scopeStack.at(-1);
    if (inner === undefined || outer === undefined) return;
    outer.var.isInnermost = true;
    if ((inner.flags & VAR_SCOPES) === 0) outer.var.adopt(inner.var);
  }

  /** Called by the parser: the engine that runs a regular expression judges it. */
  validateRegExpPattern({ start, source, flags }: RegExpState): void {
    this.#count(Math.ceil(source.length / PATTERN_UNITS_PER_NODE));
    try {
      RegExp(source, flags);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      this.raise(start, error.message);
    }
  }

  #count(nodes: number): void {
    this.#nodes += nodes;
    if (this.#nodes > this.#budget.maxNodes || !this.#budget.take(nodes)) throw new TreeTooLarge("nodes", this.start);
  }
}
