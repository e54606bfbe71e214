/** What is being written and where: one for each inspected value. */
export interface Scene {
  /** Levels of objects that are shown. */
  readonly depth: number;
  /** Whether what is not enumerable is shown too. */
  readonly showHidden: boolean;
  /** Items of a list, a map or a set that are shown. */
  readonly maxItems: number;
  readonly breakLength: number;
  /** The objects around the one that is written. */
  readonly seen: object[];
  /** Numbers of the objects that are met again inside of themselves. */
  readonly circular: Map<unknown, unknown>;
  /** Columns before the line that is written. */
  indent: number;
  /** Level of the innermost object written last. */
  currentDepth: number;
  /** Values that may still be written: bounds the work of one line, whatever it is given. */
  left: number;
}
