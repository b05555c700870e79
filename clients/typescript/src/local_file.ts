import type { BigIntStats } from "node:fs";
import { stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { getSystemErrorMap } from "node:util";

import { LocalFileError } from "./errors.js";

/** Whether there is anything at a path. */
export async function exists(path: string): Promise<boolean> {
  return (await look(path)) !== undefined;
}

/** Throws LocalFileError where an output cannot be put at `to`. */
export async function refuseTarget(to: string, overwrite: boolean): Promise<void> {
  if (to === "") {
    throw new LocalFileError("FILE_NAME_MISSING", "The output needs the name of a file, not an empty one.", to);
  }
  const found = await look(to);
  if (found?.isDirectory()) {
    throw new LocalFileError("FILE_IS_DIRECTORY", `${to} is a directory; name a file in it.`, to);
  }
  if (found && !found.isFile()) {
    throw new LocalFileError("FILE_IS_SPECIAL", `${to} is no regular file; choose another name.`, to);
  }
  if (found && !overwrite) {
    const advice = "choose another name, or allow it to be overwritten";
    throw new LocalFileError("FILE_EXISTS", `${to} exists already; ${advice}.`, to);
  }
  const folder = dirname(resolve(to));
  if (!(await look(folder))?.isDirectory()) {
    throw new LocalFileError("DIRECTORY_MISSING", `${to} cannot be written: there is no directory ${folder}.`, to);
  }
}

/** Throws LocalFileError where an output would take the place of an input: nothing were left to do it again with. */
export async function refuseOwnInput(to: string, inputs: string[]): Promise<void> {
  const target = await look(to);
  for (const input of inputs) {
    if (target && isSame(await look(input), target)) {
      const advice = "choose another name for its output";
      throw new LocalFileError("FILE_IS_INPUT", `${to} is an input of the work; ${advice}.`, to);
    }
  }
}

/** What is at a path; undefined where nothing is. */
export async function look(path: string): Promise<BigIntStats | undefined> {
  try {
    return await stat(path, { bigint: true });
  } catch {
    return undefined;
  }
}

/** Whether what was found is this very file, whatever its names. */
export function isSame(found: BigIntStats | undefined, file: BigIntStats): boolean {
  return found?.ino === file.ino && found.dev === file.dev;
}

/** What the system says of a failure, without the path, which our messages name already. */
export function whyOf(error: unknown): string {
  const { errno, message } = error as NodeJS.ErrnoException;
  return (errno !== undefined && getSystemErrorMap().get(errno)?.[1]) || message;
}
