/** A test that holds a promise. */
export interface Citation {
  /** From the root of the repository. */
  readonly file: string;
  /** Title as it is written in the file; of a table, with its place-holders. */
  readonly name: string;
  /** Rows of the table that hold it: texts that are written in the file, or in `data`. */
  readonly rows?: readonly string[];
  /** File in which the rows stand, where it is not the test's own. @default `file` */
  readonly data?: string;
}

/** One behaviour that callers may rely on, with the tests that fail when it is lost. */
export interface Promised {
  /** `<subject>:<behaviour>`; unique. */
  readonly id: string;
  /** Present tense, one line. */
  readonly promise: string;
  readonly tests: readonly Citation[];
}

/** A behaviour that is intended and not built yet. */
export interface Later {
  readonly id: string;
  readonly promise: string;
  readonly reason: string;
}
