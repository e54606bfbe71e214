import { tokenizer } from "acorn";
import type {
  AnonymousClassDeclaration,
  AnonymousFunctionDeclaration,
  ClassDeclaration,
  ExportDefaultDeclaration,
  ExportNamedDeclaration,
  Expression,
  FunctionDeclaration,
  ModuleDeclaration,
  Statement,
} from "acorn";
import { callText, isUsed, readCandidates, readFunction } from "./entry-point.ts";
import type { ScriptTree } from "./parse.ts";
import type { Edit } from "./source-position.ts";

/** A script's exports, taken away. */
export interface ScriptExports {
  readonly edits: readonly Edit[];
  /** The statements as they are without `export`. */
  readonly units: readonly (Statement | ModuleDeclaration)[];
  /** Text of the default export's value, or of its call when it is a function; `undefined` when there is none to give. */
  readonly value: string | undefined;
}

type Declared = ExportDefaultDeclaration["declaration"];

const EXPORT = "export";
const DEFAULT = "default";

/**
 * Reads the exports of a script. `export` becomes blank; `export default` of something without a name becomes a `const`
 * of the same length. A default export that the script already uses by its name is not called a second time.
 */
export function readExports(tree: ScriptTree): ScriptExports {
  const edits: Edit[] = [];
  const units: (Statement | ModuleDeclaration)[] = [];
  let value: string | undefined;
  for (const statement of tree.statements) {
    if (statement.type === "ExportDefaultDeclaration") {
      const { declaration } = statement;
      if (hasName(declaration)) {
        edits.push(...replaceWords(tree, statement, " ".repeat(EXPORT.length), " ".repeat(DEFAULT.length)));
        if (declaration.type !== "Identifier") units.push(declaration);
        value = namedValue(tree, declaration, statement);
      } else {
        const name = freeName(tree.wrapped);
        edits.push(...replaceWords(tree, statement, "const ", `${name.padEnd(DEFAULT.length - 1)}=`));
        edits.push({ at: statement.end, remove: 0, insert: ";" });
        value = unnamedValue(name, declaration);
      }
    } else if (statement.type === "ExportNamedDeclaration") {
      edits.push(blankNamed(tree, statement));
      if (statement.declaration) units.push(statement.declaration);
      value = aliasValue(tree, statement) ?? value;
    } else {
      units.push(statement);
    }
  }
  return { edits, units, value };
}

function hasName(
  declaration: Declared,
): declaration is FunctionDeclaration | ClassDeclaration | Extract<Declared, { type: "Identifier" }> {
  const { type } = declaration;
  if (type === "Identifier") return true;
  return (type === "FunctionDeclaration" || type === "ClassDeclaration") && declaration.id !== null;
}

function replaceWords(tree: ScriptTree, { start }: ExportDefaultDeclaration, first: string, second: string): Edit[] {
  const from = start + EXPORT.length;
  const at = from + tokenizer(tree.wrapped.slice(from), { ecmaVersion: "latest" }).getToken().start;
  return [
    { at: start, remove: EXPORT.length, insert: first },
    { at, remove: DEFAULT.length, insert: second },
  ];
}

function namedValue(
  tree: ScriptTree,
  declaration: FunctionDeclaration | ClassDeclaration | Extract<Declared, { type: "Identifier" }>,
  statement: ExportDefaultDeclaration,
): string | undefined {
  if (declaration.type === "ClassDeclaration") return declaration.id.name;
  if (declaration.type === "Identifier") return declaredValue(tree, declaration.name, statement);
  const { name } = declaration.id;
  return isUsed(tree.root, name, [statement]) ? undefined : callText(name, declaration);
}

function unnamedValue(
  name: string,
  declaration:
    | Expression
    | AnonymousFunctionDeclaration
    | AnonymousClassDeclaration
    | FunctionDeclaration
    | ClassDeclaration,
): string {
  if (declaration.type === "ClassDeclaration" || declaration.type === "ClassExpression") return name;
  if (declaration.type === "FunctionDeclaration") return callText(name, declaration);
  const called = readFunction(declaration);
  return called === undefined ? ifFunction(name) : callText(name, called);
}

function aliasValue(tree: ScriptTree, statement: ExportNamedDeclaration): string | undefined {
  const alias = statement.specifiers.find(
    ({ exported }) => exported.type === "Identifier" && exported.name === DEFAULT,
  );
  return alias?.local.type === "Identifier" ? declaredValue(tree, alias.local.name, statement) : undefined;
}

/** The value of a name that is declared elsewhere: called when it is a function that nothing else uses. */
function declaredValue(
  tree: ScriptTree,
  name: string,
  statement: ExportDefaultDeclaration | ExportNamedDeclaration,
): string | undefined {
  const declared = tree.statements
    .map((unit) => (unit.type === "ExportNamedDeclaration" && unit.declaration ? unit.declaration : unit))
    .flatMap(readCandidates)
    .find((candidate) => candidate.name === name);
  if (declared === undefined) return ifFunction(name);
  return isUsed(tree.root, name, [declared.node, statement]) ? undefined : callText(name, declared);
}

function ifFunction(name: string): string {
  return `typeof ${name} === "function" ? ${name}() : ${name}`;
}

/** A specifier list leaves a semicolon: its neighbours must not become one statement. */
function blankNamed({ wrapped }: ScriptTree, { start, end, declaration }: ExportNamedDeclaration): Edit {
  if (declaration) return { at: start, remove: EXPORT.length, insert: " ".repeat(EXPORT.length) };
  const blank = wrapped.slice(start + 1, end).replaceAll(/[^\n\r\u2028\u2029]/g, " ");
  return { at: start, remove: end - start, insert: `;${blank}` };
}

/** A name of at most five units that is nowhere in the text. */
function freeName(text: string): string {
  for (let i = 0; i < 1_000; i++) {
    const name = `$v${i}`;
    if (!text.includes(name)) return name;
  }
  return "$$$$$";
}
