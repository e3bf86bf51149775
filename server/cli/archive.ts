import { createHash } from 'node:crypto'
import { open, readFile, rename } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import type { Client } from 'pg'
import { carry } from '../commands/carry.ts'
import { type Archive, type ArchiveBatch, listArchives, readArchiveBatch } from '../db/functions/archive.ts'
import { flush } from './files.ts'
import { Refusal } from './report.ts'

const [pack, unpack] = [promisify(gzip), promisify(gunzip)]
const sha256 = (data: Buffer | string): string => createHash('sha256').update(data).digest('hex')

/** A file as it is on disk. */
export interface ArchiveFile { name: string, digest: string, bytes: number, contentDigest: string }

/**
 * Writes a batch into the folder and reads it back. The same events are always the same file under the same name, so that
 * a second try after a crash comes to the same; a file is there whole or not at all.
 */
export async function writeArchive(folder: string, { firstId, lastId, content }: Pick<ArchiveBatch, 'firstId' | 'lastId' | 'content'>): Promise<ArchiveFile> {
  const name = `events-${firstId}-${lastId}-${sha256(content).slice(0, 12)}.ndjson.gz`
  const path = join(folder, name)
  const handle = await open(`${path}.part`, 'w', 0o600)
  try {
    await handle.writeFile(await pack(content))
    await handle.sync()
  }
  finally {
    await handle.close()
  }
  await rename(`${path}.part`, path)
  await flush(folder)
  const file = await readArchive(path)
  if (file.contentDigest !== sha256(content)) throw new Error(`${path} does not hold what was written into it`)
  return file
}

/** Reads a file of an archive. @throws {Refusal} when it is none. */
export async function readArchive(path: string): Promise<ArchiveFile & { content: string }> {
  const packed = await readFile(path).catch((error: Error) => {
    throw new Refusal(`${path}: ${error.message}`)
  })
  const content = await unpack(packed).catch(() => {
    throw new Refusal(`${path}: is damaged, or no archive`)
  })
  return { name: basename(path), digest: sha256(packed), bytes: packed.length, contentDigest: sha256(content), content: content.toString() }
}

export interface ArchiveOptions {
  folder: string
  /** in ISO 8601 */
  olderThan: string
  /** events a batch, at most */
  batch: number
  reason: string
  token?: string
  signal?: AbortSignal
  /** told after each batch */
  onBatch?: (batch: { file: ArchiveFile, archive: number, events: number, attempts: number }) => void
  /** told before each step of a batch: where a crash may happen */
  onStep?: (step: 'read' | 'written' | 'recorded' | 'removed') => void
}

/** Archives batch by batch: file, record, removal, each finished before the next begins. @returns what it took. @throws {RefusedCommand} */
export async function archiveEvents(client: Client, { folder, olderThan, batch, reason, token, signal, onBatch, onStep }: ArchiveOptions): Promise<{ files: number, events: number, attempts: number, bytes: number }> {
  const total = { files: 0, events: 0, attempts: 0, bytes: 0 }
  for (let after = 0; !signal?.aborted;) {
    const found = await readArchiveBatch(client, olderThan, after, batch)
    if (!found) break
    onStep?.('read')
    const file = await writeArchive(folder, found)
    onStep?.('written')
    const archive = await record(client, file, found, olderThan, token)
    onStep?.('recorded')
    await carry(client, 'dot_iu_remove_archived_events', { archive }, { reason, token })
    onStep?.('removed')
    total.files += 1
    total.events += found.events
    total.attempts += found.attempts
    total.bytes += file.bytes
    onBatch?.({ file, archive, events: found.events, attempts: found.attempts })
    after = found.lastId
  }
  return total
}

/** The number under which the file is on record, from now on or since a run that did not come to its end. */
async function record(client: Client, file: ArchiveFile, { firstId, lastId }: ArchiveBatch, olderThan: string, token?: string): Promise<number> {
  const known = (await listArchives(client, file.name)).find(archive => !archive.isRemoved && archive.fileDigest === file.digest && archive.contentDigest === file.contentDigest)
  if (known) return known.archiveId
  const { receipt } = await carry(client, 'dot_iu_record_archive', {
    file: file.name, file_sha256: file.digest, file_bytes: file.bytes, content_sha256: file.contentDigest, older_than: olderThan, first_event: firstId, last_event: lastId,
  }, { token })
  return receipt.result!.archive as number
}

/** What is wrong with the file of an archive; nothing when it is what was recorded. */
export async function checkArchive(folder: string, archive: Archive): Promise<string | undefined> {
  try {
    const { digest, contentDigest } = await readArchive(join(folder, archive.fileName))
    if (digest !== archive.fileDigest) return `its SHA-256 is ${digest}, and was ${archive.fileDigest}`
    return contentDigest === archive.contentDigest ? undefined : 'it holds something else'
  }
  catch (error) {
    if (!(error instanceof Refusal)) throw error
    return error.message
  }
}

/** Brings the events of a file back. @returns how many. @throws {Refusal} for a file that is not on record, {RefusedCommand} */
export async function restoreArchive(client: Client, path: string, reason: string, token?: string): Promise<{ archive: number, events: number, attempts: number }> {
  const file = await readArchive(path)
  const known = await listArchives(client, file.name)
  const archive = known.findLast(({ contentDigest, isRemoved }) => contentDigest === file.contentDigest && isRemoved) ?? known.findLast(({ contentDigest }) => contentDigest === file.contentDigest)
  if (!archive) throw new Refusal(known.length ? `${path}: it does not hold what was recorded under its name` : `${path}: no archive of this name is on record`)
  const { receipt } = await carry(client, 'dot_iu_restore_archived_events', { archive: archive.archiveId, content: file.content }, { reason, token })
  return { archive: archive.archiveId, events: receipt.result!.events as number, attempts: receipt.result!.attempts as number }
}
