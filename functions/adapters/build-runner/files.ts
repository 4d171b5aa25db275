import { randomUUID } from "node:crypto";
import { link, readFile, rename, rm, writeFile } from "node:fs/promises";

const codeOf = (error: unknown): unknown => (error instanceof Error && "code" in error ? error.code : undefined);

/**
 * A name that no other writer uses, in this process, another, or one that has died: its draft may still be a second name of the file itself.
 */
const draftOf = (file: string): string => `${file}.${randomUUID()}.draft`;

/** True when this call wrote the file; false when it existed. The file is never half-written, also when the process dies during the call. */
export async function writeOnce(file: string, content: string): Promise<boolean> {
  const draft = draftOf(file);
  await writeFile(draft, content);
  try {
    await link(draft, file);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/** Replaces the file as a whole, or not at all. */
export async function replaceFile(file: string, content: string): Promise<void> {
  const draft = draftOf(file);
  await writeFile(draft, content);
  await rename(draft, file);
}

/** Undefined when there is no such file. */
export async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
