import { stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";

import { LocalFileError } from "./errors.js";

/** Whether there is anything at a path. */
export async function exists(path: string): Promise<boolean> {
  return (await look(path)) !== undefined;
}

/** Throws LocalFileError where an output cannot be put at `to`. */
export async function refuseTarget(to: string, overwrite: boolean): Promise<void> {
  const found = await look(to);
  if (found?.isDirectory()) {
    throw new LocalFileError("FILE_IS_DIRECTORY", `${to} is a directory; name a file in it.`, to);
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
    const found = await look(input);
    if (target && found && target.ino === found.ino && target.dev === found.dev) {
      const advice = "choose another name for its output";
      throw new LocalFileError("FILE_IS_INPUT", `${to} is an input of the work; ${advice}.`, to);
    }
  }
}

async function look(path: string) {
  try {
    return await stat(path, { bigint: true });
  } catch {
    return undefined;
  }
}
