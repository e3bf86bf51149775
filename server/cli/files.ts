import { createHash } from 'node:crypto'
import { constants, type FileHandle, lstat, mkdir, open } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { makeFolder } from '../embedded/folder.ts'
import { Refusal } from './report.ts'

/** What only its owner may look into. */
export const PRIVATE = 0o700

/** The folder that an option names, made where there is none. @throws {Refusal} where it cannot be */
export function madeFolder(option: string, path: string, mode?: number): string {
  const folder = resolve(path)
  try {
    makeFolder(folder, mode)
    return folder
  }
  catch (error) {
    throw new Refusal(`--${option}: ${folder} cannot be made: ${(error as Error).message}`)
  }
}

/** Makes what was written into a file or a folder outlive a loss of power. */
export async function flush(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  }
  finally {
    await handle.close()
  }
}

/**
 * Makes the folder below `root`, each part a real one: what is written there cannot leave the root by a link.
 * @throws {Refusal} where something else stands in its place.
 */
export async function folderWithin(root: string, parts: string[]): Promise<string> {
  let path = root
  for (const part of parts) {
    path = join(path, part)
    await mkdir(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
    if (!(await lstat(path)).isDirectory()) throw new Refusal(`${path} is no folder: remove it, or export into another`)
  }
  return path
}

/** SHA-256, in hex, and size of a file; undefined where there is none. @throws {Refusal} for a link or anything else that is no file. */
export async function digestOf(path: string): Promise<{ digest: string, bytes: number } | undefined> {
  const status = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
    return undefined
  })
  if (!status) return undefined
  if (!status.isFile()) throw new Refusal(`${path} is no file`)
  const handle: FileHandle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  const hash = createHash('sha256')
  let bytes = 0
  try {
    for await (const chunk of handle.createReadStream({ autoClose: false }) as AsyncIterable<Buffer>) {
      hash.update(chunk)
      bytes += chunk.length
    }
  }
  finally {
    await handle.close()
  }
  return { digest: hash.digest('hex'), bytes }
}
