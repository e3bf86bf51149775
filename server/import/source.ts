import { isUtf8 } from 'node:buffer'
import { constants } from 'node:fs'
import type { Stats } from 'node:fs'
import { open, readdir, stat } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'

export type SourceErrorCode
  = | 'not_found' | 'unreadable' | 'not_a_file' | 'too_large' | 'not_utf8' | 'has_nul' | 'bad_name' | 'duplicate'

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
export interface Source { file: string, relativePath: string }

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
 * longer than its size said. Rejects with a SourceError: not_found, unreadable, not_a_file, too_large.
 */
export async function readSource(path: string, limitBytes: number): Promise<Buffer> {
  let handle: FileHandle | undefined
  try {
    // Without O_NONBLOCK, opening a pipe would wait for a writer.
    handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    const stats = await handle.stat()
    if (!stats.isFile()) throw notAFile(path)
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
 * it, in the order of their paths' code units, without what is in `.git` and `node_modules` folders. Links to files
 * are followed, links to folders below a folder are not. What cannot be taken is in `problems`, beside the rest.
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
  await walk(path, '', found, problems)
  return found.sort((a, b) => (a.relativePath < b.relativePath ? -1 : 1))
}

/** Adds the text files in `folder` and below to `found`; `prefix` is the folder's relative path, with a `/` at its end. */
async function walk(folder: string, prefix: string, found: Source[], problems: SourceError[]): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true, encoding: 'buffer' })
    .catch((error: unknown) => void problems.push(asSourceError(folder, error)))
  for (const entry of entries ?? []) {
    const name = entry.name.toString('utf8')
    const file = join(folder, name)
    if (!entry.isDirectory() && !TEXT_FILE.test(name)) continue
    if (!isUtf8(entry.name)) {
      problems.push(new SourceError(file, 'bad_name', `The name of ${quote(file)} is not valid UTF-8`))
      continue
    }
    if (entry.isDirectory()) {
      if (!SKIPPED_FOLDERS.has(name)) await walk(file, `${prefix}${name}/`, found, problems)
      continue
    }
    const stats = await statOrProblem(file, problems)
    if (stats?.isFile()) found.push({ file, relativePath: prefix + name })
    else if (stats && !stats.isDirectory()) problems.push(notAFile(file))
  }
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
