import { charCodeAt } from "./primordials.ts";

/** Whether a name can be written without quotes: ASCII letters, `_` and, after the first, digits. @param dollar Whether `$` may be in it. */
export function isIdentifier(name: string, dollar: boolean): boolean {
  for (let i = 0; i < name.length; i++) {
    const unit = charCodeAt(name, i);
    const isLetter =
      (unit >= 97 && unit <= 122) || (unit >= 65 && unit <= 90) || unit === 95 || (dollar && unit === 36);
    if (!isLetter && (i === 0 || unit < 48 || unit > 57)) return false;
  }
  return name !== "";
}
