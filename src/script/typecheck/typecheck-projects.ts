import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { isRecord } from "../../lib/guards.ts";
import type { CompilerCommand } from "./typecheck-command.ts";
import { GLOBAL_DECLARATIONS } from "./typecheck-globals.ts";
import { CompilerProcess } from "./typecheck-process.ts";

/** What the compiler says of a place. Offsets in UTF-16 units of the text it was given. */
export interface CompilerDiagnostic {
  readonly start: number;
  readonly code: number;
  readonly text: string;
  /** Why, step by step. */
  readonly because: readonly CompilerDiagnostic[];
  /** Whether it points to the declarations of tools. */
  readonly isAboutTools: boolean;
}

/** What is checked: one text against one text of declarations. */
export interface CompilerInput {
  readonly declarations: string;
  readonly text: string;
  readonly language: "js" | "ts";
}

interface Project {
  readonly folder: string;
  readonly declarations: string;
  readonly script: string;
  text: string;
}

/** What the compiler takes for the root of the file system that the projects are in: no folder of the machine. */
export const PROJECTS_FOLDER = "/runlet";
const GLOBALS_FILE = `${PROJECTS_FOLDER}/globals.d.ts`;
const TOOLS_FILE = "tools.d.ts";
/** Projects a process keeps ready: each costs about twice its declarations. */
const MAX_PROJECTS = 8;
/** Of what the compiler says at one place; names that a script chose are in it. */
const MAX_TEXT = 8_192;
const LIB_FILE = /^lib\.[a-z0-9.]+\.d\.ts$/u;

/**
 * The compiler's settings. None of the strict ones: a value that may be undefined, or whose type is not known, is none that
 * must fail. `noResolve`: a text cannot name further files.
 */
const COMPILER_OPTIONS = {
  target: "esnext",
  module: "esnext",
  lib: ["esnext"],
  types: [],
  strict: false,
  allowJs: true,
  checkJs: true,
  noEmit: true,
  noResolve: true,
  skipLibCheck: true,
  allowUnreachableCode: true,
  allowUnusedLabels: true,
};

/** One compiler process with the projects it keeps ready: declarations that were used of late are not read again. */
export class CompilerProjects {
  readonly #process: CompilerProcess;
  readonly #libFolder: string;
  /** By declarations and language; the one used last is the last. */
  readonly #projects = new Map<string, Project>();
  #started: Promise<unknown> | undefined;
  #made = 0;

  constructor(command: CompilerCommand) {
    this.#libFolder = command.libFolder;
    this.#process = new CompilerProcess(command, (method, path) => this.#answer(method, path));
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  get alive(): boolean {
    return this.#process.alive;
  }

  /**
   * Checks one text. One at a time.
   *
   * @returns In the order of the text; `undefined` when the text cannot be read, as TypeScript has it.
   * @throws Error when the compiler has died or was killed.
   */
  async diagnose(input: CompilerInput): Promise<readonly CompilerDiagnostic[] | undefined> {
    await (this.#started ??= this.#process.ask("initialize", null));
    const { project, changes } = this.#open(input);
    const update = await this.#process.ask("updateSnapshot", changes);
    const config = `${project.folder}/tsconfig.json`;
    const opened = readSnapshot(update, config);
    const about = { ...opened, file: `${project.folder}/${project.script}` };
    const unreadable = await this.#process.ask("getSyntacticDiagnostics", about);
    const faults = await this.#process.ask("getSemanticDiagnostics", about);
    await this.#process.ask("release", { snapshot: opened.snapshot });
    if (readDiagnostics(unreadable).length > 0) return undefined;
    return readDiagnostics(faults).toSorted((a, b) => a.start - b.start);
  }

  async kill(reason: Error): Promise<void> {
    await this.#process.kill(reason);
  }

  #open({ declarations, text, language }: CompilerInput): { readonly project: Project; readonly changes: object } {
    const key = `${language} ${createHash("sha256").update(declarations).digest("base64url")}`;
    const known = this.#projects.get(key);
    if (known !== undefined) {
      this.#projects.delete(key);
      this.#projects.set(key, known);
      known.text = text;
      return { project: known, changes: { fileChanges: { changed: [`${known.folder}/${known.script}`] } } };
    }
    const folder = `${PROJECTS_FOLDER}/${++this.#made}`;
    const project: Project = { folder, declarations, script: `script.${language}`, text };
    this.#projects.set(key, project);
    const [oldest] = this.#projects;
    const isFull = oldest !== undefined && this.#projects.size > MAX_PROJECTS;
    if (isFull) this.#projects.delete(oldest[0]);
    const closeProjects = isFull ? [`${oldest[1].folder}/tsconfig.json`] : [];
    return { project, changes: { openProjects: [`${folder}/tsconfig.json`], closeProjects } };
  }

  /** Files are those of the projects and of the language: there is nothing else to read, whatever a script names. */
  async #answer(method: string, path: string): Promise<unknown> {
    switch (method) {
      case "readFile":
        return { content: (await this.#fileText(path)) ?? null };
      case "fileExists":
        return this.#textOf(path) !== undefined || this.#isLibFile(path);
      case "directoryExists":
        return path === PROJECTS_FOLDER || this.#projectOf(path) !== undefined;
      case "getAccessibleEntries":
        return { files: this.#filesOf(path), directories: [] };
      case "realpath":
        return path;
      default:
        return null;
    }
  }

  async #fileText(path: string): Promise<string | undefined> {
    return this.#isLibFile(path) ? readFile(path, "utf8") : this.#textOf(path);
  }

  #isLibFile(path: string): boolean {
    const name = basename(path);
    return LIB_FILE.test(name) && join(path) === join(this.#libFolder, name);
  }

  #projectOf(folder: string): Project | undefined {
    return [...this.#projects.values()].find((project) => project.folder === folder);
  }

  #filesOf(folder: string): readonly string[] {
    const project = this.#projectOf(folder);
    return project === undefined ? [] : ["tsconfig.json", TOOLS_FILE, project.script];
  }

  #textOf(path: string): string | undefined {
    if (path === GLOBALS_FILE) return GLOBAL_DECLARATIONS;
    const slash = path.lastIndexOf("/");
    const project = this.#projectOf(path.slice(0, slash));
    if (project === undefined) return undefined;
    const name = path.slice(slash + 1);
    if (name === TOOLS_FILE) return project.declarations;
    if (name === project.script) return project.text;
    if (name !== "tsconfig.json") return undefined;
    const files = [GLOBALS_FILE, TOOLS_FILE, project.script];
    return JSON.stringify({ compilerOptions: COMPILER_OPTIONS, files });
  }
}

function readSnapshot(update: unknown, config: string): { readonly snapshot: number; readonly project: string } {
  const { snapshot, projects } = isRecord(update) ? update : {};
  const project: unknown = Array.isArray(projects)
    ? projects.find((each) => isRecord(each) && each["configFileName"] === config)
    : undefined;
  if (typeof snapshot !== "number" || !isRecord(project) || typeof project["id"] !== "string")
    throw new Error("the compiler did not open the project");
  return { snapshot, project: project["id"] };
}

function readDiagnostics(list: unknown): readonly CompilerDiagnostic[] {
  return (Array.isArray(list) ? list : []).flatMap((each: unknown) => {
    if (!isRecord(each)) return [];
    const { pos, code, text, messageChain, relatedInformation } = each;
    if (typeof pos !== "number" || typeof code !== "number" || typeof text !== "string") return [];
    const related: readonly unknown[] = Array.isArray(relatedInformation) ? relatedInformation : [];
    const isAboutTools = related.some(
      (at) => isRecord(at) && typeof at["fileName"] === "string" && at["fileName"].endsWith(`/${TOOLS_FILE}`),
    );
    return [{ start: pos, code, text: text.slice(0, MAX_TEXT), because: readDiagnostics(messageChain), isAboutTools }];
  });
}
