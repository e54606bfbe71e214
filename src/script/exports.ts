import { tokenizer } from "acorn";
import type {
  AnonymousClassDeclaration,
  AnonymousFunctionDeclaration,
  AssignmentExpression,
  ClassDeclaration,
  ExportDefaultDeclaration,
  ExportNamedDeclaration,
  Expression,
  ExpressionStatement,
  FunctionDeclaration,
  ImportDeclaration,
  ModuleDeclaration,
  Statement,
} from "acorn";
import { callText, readDeclared, readFunction } from "./entry-point.ts";
import type { NameUses } from "./name-uses.ts";
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
const MODULE_EXPORTS = "module.exports";

/**
 * Reads the exports of a script. `export` becomes blank; `export default` of something without a name becomes a `const`
 * of the same length, and so does `module.exports =` where nothing else uses `module`. A default export that the script
 * already uses by its name is not called a second time. An import of nothing, which one of types alone is, becomes blank.
 */
export function readExports(tree: ScriptTree, uses: NameUses): ScriptExports {
  const edits: Edit[] = [];
  const units: (Statement | ModuleDeclaration)[] = [];
  let value: string | undefined;
  for (const statement of tree.statements) {
    if (statement.type === "ExportDefaultDeclaration") {
      const { declaration } = statement;
      if (hasName(declaration)) {
        edits.push(...replaceWords(tree, statement, " ".repeat(EXPORT.length), " ".repeat(DEFAULT.length)));
        if (declaration.type !== "Identifier") units.push(declaration);
        value = namedValue(tree, uses, declaration, statement);
      } else {
        const name = freeName(tree.wrapped);
        edits.push(...replaceWords(tree, statement, "const ", `${name.padEnd(DEFAULT.length - 1)}=`));
        edits.push({ at: statement.end, remove: 0, insert: ";" });
        value = unnamedValue(name, declaration);
      }
    } else if (statement.type === "ExportNamedDeclaration") {
      edits.push(blankNamed(tree, statement));
      if (statement.declaration) units.push(statement.declaration);
      value = aliasValue(tree, uses, statement) ?? value;
    } else if (statement.type === "ImportDeclaration") {
      edits.push(blank(tree, statement));
    } else if (isModuleExports(tree, uses, statement)) {
      const { left, right } = statement.expression;
      const name = freeName(tree.wrapped);
      edits.push({
        at: left.start,
        remove: MODULE_EXPORTS.length,
        insert: `const ${name}`.padEnd(MODULE_EXPORTS.length),
      });
      value =
        right.type === "Identifier" ? declaredValue(tree, uses, right.name, statement) : unnamedValue(name, right);
    } else {
      units.push(statement);
    }
  }
  return { edits, units, value };
}

/** A default export as CommonJS writes it. */
function isModuleExports(
  { wrapped }: ScriptTree,
  uses: NameUses,
  statement: Statement | ModuleDeclaration,
): statement is ExpressionStatement & { expression: AssignmentExpression } {
  if (statement.type !== "ExpressionStatement" || statement.expression.type !== "AssignmentExpression") return false;
  const { left, operator } = statement.expression;
  const isWritten = operator === "=" && left.start === statement.start;
  return isWritten && wrapped.slice(left.start, left.end) === MODULE_EXPORTS && !uses.isUsed("module", [left]);
}

/** Whether an import names nothing that it wants: what is left of one whose names are all types. */
export function importsNothing(wrapped: string, { start, specifiers, source }: ImportDeclaration): boolean {
  return specifiers.length === 0 && wrapped.slice(start, source.start).includes("{");
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
  uses: NameUses,
  declaration: FunctionDeclaration | ClassDeclaration | Extract<Declared, { type: "Identifier" }>,
  statement: ExportDefaultDeclaration,
): string | undefined {
  if (declaration.type === "ClassDeclaration") return declaration.id.name;
  if (declaration.type === "Identifier") return declaredValue(tree, uses, declaration.name, statement);
  const { name } = declaration.id;
  if (declaration.generator) return name;
  return uses.isUsed(name, [statement]) ? undefined : callText(name, declaration);
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
  if (declaration.type === "FunctionDeclaration") return declaration.generator ? name : callText(name, declaration);
  const called = readFunction(declaration);
  return called === undefined ? ifFunction(name) : callText(name, called);
}

function aliasValue(tree: ScriptTree, uses: NameUses, statement: ExportNamedDeclaration): string | undefined {
  const alias = statement.specifiers.find(
    ({ exported }) => exported.type === "Identifier" && exported.name === DEFAULT,
  );
  return alias?.local.type === "Identifier" ? declaredValue(tree, uses, alias.local.name, statement) : undefined;
}

/** The value of a name that is declared elsewhere: called when it is a function that nothing else uses. */
function declaredValue(
  tree: ScriptTree,
  uses: NameUses,
  name: string,
  statement: Statement | ModuleDeclaration,
): string | undefined {
  const declared = tree.statements
    .map((unit) => (unit.type === "ExportNamedDeclaration" && unit.declaration ? unit.declaration : unit))
    .flatMap(readDeclared)
    .find((candidate) => candidate.name === name);
  if (declared === undefined) return ifFunction(name);
  return uses.isUsed(name, [declared.node, statement]) ? undefined : callText(name, declared);
}

function ifFunction(name: string): string {
  return `typeof ${name} === "function" ? ${name}() : ${name}`;
}

function blankNamed(tree: ScriptTree, statement: ExportNamedDeclaration): Edit {
  return statement.declaration
    ? { at: statement.start, remove: EXPORT.length, insert: " ".repeat(EXPORT.length) }
    : blank(tree, statement);
}

/** Leaves a semicolon: the neighbours of what is blanked must not become one statement. */
function blank({ wrapped }: ScriptTree, { start, end }: ModuleDeclaration): Edit {
  const rest = wrapped.slice(start + 1, end).replaceAll(/[^\n\r\u2028\u2029]/g, " ");
  return { at: start, remove: end - start, insert: `;${rest}` };
}

/** A name of at most five units that is nowhere in the text. */
function freeName(text: string): string {
  const taken = new Set<string>();
  for (const [found] of text.matchAll(/\$v\d{1,3}/gu))
    for (let length = found.length; length > 2; length--) taken.add(found.slice(0, length));
  for (let i = 0; i < 1_000; i++) if (!taken.has(`$v${i}`)) return `$v${i}`;
  return "$$$$$";
}
