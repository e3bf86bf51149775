import { isUtf8 } from 'node:buffer'
import { constants } from 'node:fs'
import type { Stats } from 'node:fs'
import { open, readdir, realpath, stat } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { basename, join, resolve, sep } from 'node:path'

export type SourceErrorCode
  = | 'not_found' | 'unreadable' | 'not_a_file' | 'too_large' | 'not_utf8' | 'has_nul' | 'bad_name' | 'duplicate' | 'outside'

/** Why a file cannot be imported: `file` names it, `offset` is the byte at fault where there is one. */
export class SourceError extends Error {
  file: string
  code: SourceErrorCode
  offset: number | null

  constructor(file: string, code: SourceErrorCode, message: string, offset: number | null = null) {
    super(message)
    this.name = 'SourceError'
    this.file = file
    this.code = code
    this.offset = offset
  }
}

/** A file to import, and its path below the argument it came from, with `/` between folders. */
export interface Source {
  file: string
  relativePath: string
  /** real path of the folder that was named, which the file's own must be in */
  root?: string
}

const TEXT_FILE = /\.(?:md|markdown|mdown|mkd|txt|text)$/i
const SKIPPED_FOLDERS = new Set(['.git', 'node_modules'])

/**
 * The first reason, in byte order, why `content` cannot be kept as text in the database, or null. `offset` is the byte:
 * a NUL, or the first byte of the first sequence that is not well-formed UTF-8 (RFC 3629).
 */
export function findTextProblem(content: Buffer): { code: 'not_utf8' | 'has_nul', offset: number } | null {
  const broken = isUtf8(content) ? -1 : firstIllFormed(content)
  const nul = content.indexOf(0)
  if (nul >= 0 && (broken < 0 || nul < broken)) return { code: 'has_nul', offset: nul }
  return broken < 0 ? null : { code: 'not_utf8', offset: broken }
}

/** Offset of the first ill-formed sequence, or -1. */
function firstIllFormed(content: Buffer): number {
  for (let at = 0; at < content.length;) {
    const length = sequenceLength(content, at)
    if (length === 0) return at
    at += length
  }
  return -1
}

/** Length of the well-formed sequence at `at`, or 0: the table of RFC 3629, section 4. */
function sequenceLength(content: Buffer, at: number): number {
  const lead = content[at]!
  if (lead < 0x80) return 1
  const length = lead >= 0xc2 && lead <= 0xdf ? 2 : (lead & 0xf0) === 0xe0 ? 3 : lead >= 0xf0 && lead <= 0xf4 ? 4 : 0
  if (length === 0 || at + length > content.length) return 0
  // The second byte's range keeps out overlong forms (E0, F0), surrogates (ED) and what is above U+10FFFF (F4).
  const lowest = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
  const highest = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
  if (content[at + 1]! < lowest || content[at + 1]! > highest) return 0
  for (let i = 2; i < length; i++) if ((content[at + i]! & 0xc0) !== 0x80) return 0
  return length
}

/**
 * Reads a file of at most `limitBytes` bytes. A longer one is refused before it is read, and also when it turns out
 * longer than its size said. With a `root`, what was opened must stand in that folder by its real path: a link may have
 * been made since the folder was listed. Rejects with a SourceError: not_found, unreadable, not_a_file, too_large, outside.
 */
export async function readSource(path: string, limitBytes: number, root?: string): Promise<Buffer> {
  let handle: FileHandle | undefined
  try {
    // Without O_NONBLOCK, opening a pipe would wait for a writer.
    handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    const stats = await handle.stat()
    if (!stats.isFile()) throw notAFile(path)
    if (root !== undefined) await requireWithin(path, root, stats)
    if (stats.size > limitBytes) throw tooLarge(path, limitBytes)
    return await readAll(handle, path, stats.size, limitBytes)
  }
  catch (error) {
    throw asSourceError(path, error)
  }
  finally {
    await handle?.close()
  }
}

async function requireWithin(path: string, root: string, opened: Stats): Promise<void> {
  const real = await realpath(path)
  const { dev, ino } = await stat(real)
  if (!isWithin(root, real) || dev !== opened.dev || ino !== opened.ino) throw outside(path, root)
}

function isWithin(root: string, path: string): boolean {
  return path.startsWith(root.endsWith(sep) ? root : root + sep)
}

/** Reads to the end of the file, wherever that is by now; one byte more than expected tells whether it has grown. */
async function readAll(handle: FileHandle, path: string, size: number, limitBytes: number): Promise<Buffer> {
  let buffer = Buffer.allocUnsafe(size + 1)
  let length = 0
  for (;;) {
    const { bytesRead } = await handle.read(buffer, length, buffer.length - length)
    if (bytesRead === 0) return buffer.subarray(0, length)
    length += bytesRead
    if (length > limitBytes) throw tooLarge(path, limitBytes)
    if (length === buffer.length) buffer = Buffer.concat([buffer], Math.min(2 * length, limitBytes) + 1)
  }
}

/**
 * The files that arguments name: a file stands for itself, whatever its extension; a folder for the text files below
 * it, in the order of their paths' code units, without what is in `.git` and `node_modules` folders. Below a folder, a
 * link to a file in that folder is followed; a link to a folder in it is not, since its files are taken where they stand;
 * and a link that leads out of it is a problem. What cannot be taken is in `problems`, beside the rest.
 */
export async function listSources(paths: string[]): Promise<{ sources: Source[], problems: SourceError[] }> {
  const problems: SourceError[] = []
  const taken = new Map<string, Source>()
  for (const path of paths) {
    for (const source of await sourcesAt(path, problems)) {
      const other = taken.get(source.relativePath)
      if (!other) taken.set(source.relativePath, source)
      else problems.push(new SourceError(source.file, 'duplicate', `${quote(source.file)} and ${quote(other.file)} would both be imported as ${quote(source.relativePath)}`))
    }
  }
  return { sources: [...taken.values()], problems }
}

async function sourcesAt(path: string, problems: SourceError[]): Promise<Source[]> {
  const stats = await statOrProblem(path, problems)
  if (stats?.isFile()) return [{ file: path, relativePath: basename(resolve(path)) }]
  if (!stats?.isDirectory()) {
    if (stats) problems.push(notAFile(path))
    return []
  }
  const found: Source[] = []
  const root = await realpath(path).catch((error: unknown) => void problems.push(asSourceError(path, error)))
  if (root !== undefined) await walk(path, '', root, found, problems)
  return found.sort((a, b) => (a.relativePath < b.relativePath ? -1 : 1))
}

/** Adds the text files in `folder` and below to `found`; `prefix` is the folder's relative path, with a `/` at its end. */
async function walk(folder: string, prefix: string, root: string, found: Source[], problems: SourceError[]): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true, encoding: 'buffer' })
    .catch((error: unknown) => void problems.push(asSourceError(folder, error)))
  for (const entry of entries ?? []) {
    const name = entry.name.toString('utf8')
    const file = join(folder, name)
    const isNamedAsText = !entry.isDirectory() && TEXT_FILE.test(name)
    if (!isNamedAsText && (entry.isFile() || SKIPPED_FOLDERS.has(name))) continue
    if (!isUtf8(entry.name)) {
      if (!isNamedAsText && !entry.isDirectory()) continue
      problems.push(new SourceError(file, 'bad_name', `The name of ${quote(file)} is not valid UTF-8`))
      continue
    }
    if (entry.isDirectory()) {
      await walk(file, `${prefix}${name}/`, root, found, problems)
      continue
    }
    if (entry.isSymbolicLink() ? !await isTaken(file, root, problems) : !isNamedAsText) continue
    const stats = await statOrProblem(file, problems)
    if (stats?.isFile()) found.push({ file, relativePath: prefix + name, root })
    else if (stats && !stats.isDirectory()) problems.push(notAFile(file))
  }
}

/** Whether a link is taken for the file that it leads to. */
async function isTaken(link: string, root: string, problems: SourceError[]): Promise<boolean> {
  const isText = TEXT_FILE.test(link)
  try {
    const real = await realpath(link)
    const isFolder = (await stat(real)).isDirectory()
    if (real !== root && !isWithin(root, real) && (isText || isFolder)) problems.push(outside(link, root))
    else return isText && !isFolder
  }
  catch (error) {
    if (isText) problems.push(asSourceError(link, error))
  }
  return false
}

async function statOrProblem(path: string, problems: SourceError[]): Promise<Stats | null> {
  try {
    return await stat(path)
  }
  catch (error) {
    problems.push(asSourceError(path, error))
    return null
  }
}

function outside(path: string, root: string): SourceError {
  return new SourceError(path, 'outside', `${quote(path)} is a link that leads out of ${quote(root)}; it was not followed. Name what it leads to, if that is to be imported`)
}

function notAFile(path: string): SourceError {
  return new SourceError(path, 'not_a_file', `${quote(path)} is not a regular file`)
}

function tooLarge(path: string, limitBytes: number): SourceError {
  return new SourceError(path, 'too_large', `${quote(path)} is larger than the limit of ${limitBytes} bytes`)
}

function asSourceError(path: string, error: unknown): SourceError {
  if (error instanceof SourceError) return error
  const { code, message } = error as NodeJS.ErrnoException
  return code === 'ENOENT'
    ? new SourceError(path, 'not_found', `${quote(path)} does not exist`)
    : new SourceError(path, 'unreadable', `${quote(path)} cannot be read: ${message}`)
}

/** A path for a message: on one line whatever it holds. */
function quote(path: string): string {
  return JSON.stringify(path)
}
