import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";
import { configError } from "../problem.ts";

const ALGORITHM = "aes-256-gcm";
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_ID_DIGITS = 16;

/** What encrypts and opens secrets: AES-256-GCM with a nonce of its own for each. The key itself is not to be seen. */
export interface MasterKey {
  /** Tells two keys apart and nothing of them: 16 hex digits. */
  readonly id: string;
  /** @param label What the text is bound to: it opens under no other. @returns Base64 of nonce, text and tag. */
  seal(text: string, label: string): string;
  /** @returns `undefined` when it was not sealed with this key and label, or has been changed since. */
  open(sealed: string, label: string): string | undefined;
}

/** A new key as files and variables hold it: 64 hex digits. */
export function newKeyText(): string {
  return randomBytes(KEY_BYTES).toString("hex");
}

/**
 * Reads a key: 32 bytes as 64 hex digits or as base64.
 *
 * @param where What holds it, for the error.
 * @throws CONFIG_INVALID when it is anything else; the text is not in the error.
 */
export function readMasterKey(text: string, where: string): MasterKey {
  const trimmed = text.trim();
  const bytes = /^[0-9a-f]{64}$/iu.test(trimmed) ? Buffer.from(trimmed, "hex") : bytesOfBase64(trimmed);
  if (bytes.length !== KEY_BYTES) {
    const message =
      `Cannot use the master key of ${where} as it must be 32 bytes, as 64 hex digits or as base64: current value has ` +
      `${trimmed.length} characters. Make one with \`openssl rand -hex 32\`.`;
    throw configError([{ message, key: "secrets" }]);
  }
  return new AesKey(bytes);
}

function bytesOfBase64(text: string): Buffer {
  return /^[A-Za-z0-9+/_-]{43}=?$/u.test(text) ? Buffer.from(text, "base64") : Buffer.alloc(0);
}

class AesKey implements MasterKey {
  readonly id: string;
  readonly #key: Buffer;

  constructor(key: Buffer) {
    this.#key = key;
    this.id = createHash("sha256").update("runlet master key").update(key).digest("hex").slice(0, KEY_ID_DIGITS);
  }

  seal(text: string, label: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.#key, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(Buffer.from(label, "utf8"));
    return Buffer.concat([nonce, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]).toString("base64");
  }

  open(sealed: string, label: string): string | undefined {
    const bytes = Buffer.from(sealed, "base64");
    if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined;
    const decipher = createDecipheriv(ALGORITHM, this.#key, bytes.subarray(0, NONCE_BYTES), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAAD(Buffer.from(label, "utf8"));
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    const text = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES));
    try {
      return Buffer.concat([text, decipher.final()]).toString("utf8");
    } catch {
      return undefined; // The tag does not fit: another key, another label, or changed bytes. Nothing else fails here.
    }
  }
}
