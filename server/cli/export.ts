import { createHash, randomBytes } from 'node:crypto'
import { open, readdir, realpath, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Client } from 'pg'
import { intendExport, listPendingExports, listRecordedExports, loseExports, type PendingExport, readSealed, recordExport, type RecordedExport, type Sealed } from '../db/functions/export.ts'
import { renderCollection } from '../db/queries/render.ts'
import { digestOf, flush, folderWithin } from './files.ts'
import { Refusal } from './report.ts'

/** No address has an @ or a ~ in it: what stands behind them is ours, and two addresses never meet in one name. */
const MANIFEST = '@manifest'
const TEMPORARY = /^@[0-9a-f]{16}\.part$/
const ADDRESS = /^[a-z0-9_-]+(?:[./][a-z0-9_-]+)*$/
/** File systems take names of 255 bytes; a folder's name has one more, and a temporary one needs little. */
const LONGEST = 200

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
const shortened = (segment: string): string => segment.length <= LONGEST ? segment : `${segment.slice(0, LONGEST - 17)}~${sha256(segment).slice(0, 16)}`

/**
 * Where a collection's files stand below the folder: `docs/api.md` is `docs/api.md@/api.md`, beside its `@manifest`.
 * @throws {Refusal} for what is no canonical address.
 */
export function placeOf(address: string): { folders: string[], file: string } {
  if (!ADDRESS.test(address)) throw new Refusal(`"${address}" is no canonical address`)
  const segments = address.split('/').map(shortened)
  const file = segments.at(-1)!
  return { folders: [...segments.slice(0, -1), `${file}@`], file }
}

/** What became of one rendering. */
export type Exported = { address: string } & ({ status: 'exported', digest: string, bytes: number, path: string } | { status: 'changed' | 'refused', detail: string })

export interface ExportOptions {
  /** the real path of the folder */
  root: string
  exporter: number
  signal?: AbortSignal
  onExported?: (exported: Exported) => void
  /** told before each step of a collection: where a crash may happen */
  onStep?: (step: 'rendered' | 'intended' | 'placed' | 'read back' | 'recorded') => void
}

/** Reads back what the folder is recorded to hold: what is not there any more as it was is pending again. */
export async function readBack(client: Client, { root, exporter, signal }: ExportOptions): Promise<void> {
  for (let passed: string | undefined; !signal?.aborted;) {
    const recorded = await listRecordedExports(client, exporter, passed)
    const lost: string[] = []
    for (const one of recorded) {
      if (!await isAsRecorded(root, one)) lost.push(one.collectionId)
    }
    if (lost.length) await loseExports(client, exporter, lost)
    passed = recorded.at(-1)?.address
    if (passed === undefined) break
  }
}

async function isAsRecorded(root: string, { address, renderDigest, manifestDigest }: RecordedExport): Promise<boolean> {
  const { folders, file } = placeOf(address)
  const folder = join(root, ...folders)
  try {
    // Through no link: what stands outside of the folder is not what was written.
    if (await realpath(folder) !== folder) return false
    return (await digestOf(join(folder, file)))?.digest === renderDigest && (await digestOf(join(folder, MANIFEST)))?.digest === manifestDigest
  }
  catch (error) {
    if (error instanceof Refusal || ['ENOENT', 'ENOTDIR', 'ELOOP'].includes((error as NodeJS.ErrnoException).code ?? '')) return false
    throw error
  }
}

/** Exports what the folder lacks, one collection after the other; what cannot be exported is told and left for the next time. */
export async function exportPending(client: Client, options: ExportOptions): Promise<Exported[]> {
  const done: Exported[] = []
  for (let passed: PendingExport | undefined; !options.signal?.aborted;) {
    const pending = await listPendingExports(client, options.exporter, passed)
    for (const one of pending) {
      if (options.signal?.aborted) return done
      const exported = await exportOne(client, one, options)
      done.push(exported)
      options.onExported?.(exported)
    }
    passed = pending.at(-1)
    if (!passed) break
  }
  return done
}

async function exportOne(client: Client, pending: PendingExport, { root, exporter, onStep }: ExportOptions): Promise<Exported> {
  const { address, collectionId } = pending
  const changed: Exported = { address, status: 'changed', detail: 'it changed after it was rendered: render it once more' }
  if (pending.isChanged) return changed
  const temporaries: string[] = []
  try {
    const { folders, file } = placeOf(address)
    const folder = await folderWithin(root, folders)
    await sweep(folder)
    const temporary = () => temporaries[temporaries.push(join(folder, `@${randomBytes(8).toString('hex')}.part`)) - 1]!
    const [text, manifest] = [temporary(), temporary()]
    const rendered = await render(client, pending, text)
    if (!rendered) return changed
    const { sealed, bytes } = rendered
    await write(manifest, [Buffer.from(sealed.manifest)])
    onStep?.('rendered')
    const wanted = [sealed.renderDigest, sealed.manifestDigest]
    const files = [{ from: text, to: join(folder, file), digest: sealed.renderDigest }, { from: manifest, to: join(folder, MANIFEST), digest: sealed.manifestDigest }]
    for (const { to } of files) {
      const there = await digestOf(to)
      if (there && ![...pending.known, ...wanted].includes(there.digest)) throw new Refusal(`${to} is not as it was exported: somebody else wrote it; move it away`)
    }
    await intendExport(client, exporter, collectionId, wanted)
    onStep?.('intended')
    for (const { from, to } of files) await rename(from, to)
    for (let depth = folders.length; depth >= 0; depth--) await flush(join(root, ...folders.slice(0, depth)))
    onStep?.('placed')
    for (const { to, digest } of files) {
      const read = await digestOf(to)
      if (read?.digest !== digest) throw new Error(`${to} does not hold what was written into it`)
    }
    onStep?.('read back')
    await recordExport(client, exporter, collectionId, sealed, bytes)
    onStep?.('recorded')
    return { address, status: 'exported', digest: sealed.renderDigest, bytes, path: join(...folders, file) }
  }
  catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { address, status: 'refused', detail: error.message }
  }
  finally {
    for (const path of temporaries) await rm(path, { force: true })
  }
}

/** Writes the rendering, in the snapshot that says what it was sealed as; undefined where it changed since. @throws {Refusal} where it is not what was sealed. */
async function render(client: Client, { address, collectionId }: PendingExport, path: string): Promise<{ sealed: Sealed, bytes: number } | undefined> {
  const rendering = await renderCollection(client, address)
  const sealed = await readSealed(client, collectionId)
  if (!sealed) {
    await client.query('COMMIT')
    return undefined
  }
  const { digest, bytes } = await write(path, rendering.chunks)
  if (digest !== sealed.renderDigest) throw new Refusal(`${address} rendered to sha256 ${digest}, but was sealed with ${sealed.renderDigest}`)
  if (sha256(sealed.manifest) !== sealed.manifestDigest) throw new Refusal(`${address}: its manifest is not what was sealed`)
  return { sealed, bytes }
}

/** Writes a file that was not there, and makes it last. */
async function write(path: string, chunks: AsyncIterable<Buffer> | Buffer[]): Promise<{ digest: string, bytes: number }> {
  const handle = await open(path, 'wx', 0o644)
  const hash = createHash('sha256')
  let bytes = 0
  try {
    for await (const chunk of chunks) {
      hash.update(chunk)
      bytes += chunk.length
      await handle.writeFile(chunk)
    }
    await handle.sync()
  }
  finally {
    await handle.close()
  }
  return { digest: hash.digest('hex'), bytes }
}

/** Removes what an export that was killed had not put in place yet; nobody else makes such names. */
async function sweep(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (TEMPORARY.test(name)) await rm(join(folder, name))
  }
}
