/**
 * The file of a backup: a tar of the data, of what they are (manifest.json), and of the SHA-256 over everything before it.
 * `tar -x` opens it. Its end is what this file would write there, to the byte: no byte of it can change unseen.
 */
import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'

const BLOCK = 512
const TAIL = 4 * BLOCK
const SEAL = 'sha256'
export const MANIFEST = 'manifest.json'
const LARGEST_MANIFEST = 16_000_000

const padded = (size: number): number => Math.ceil(size / BLOCK) * BLOCK

/** The size of a member: octal, and in binary where that does not fit (8 GiB). */
function writeSize(header: Buffer, size: number): void {
  if (size < 0o77777777777) return void header.write(`${size.toString(8).padStart(11, '0')}\0`, 124, 'latin1')
  header.writeUInt8(0x80, 124)
  header.writeBigUInt64BE(BigInt(size), 128)
}

const readSize = (header: Buffer): number => header[124]! & 0x80 ? Number(header.readBigUInt64BE(128)) : Number.parseInt(header.toString('latin1', 124, 135), 8)

/** A ustar header: the owner alone may read it, and nothing in it depends on where or when it is written. */
function headerOf(name: string, size: number): Buffer {
  const header = Buffer.alloc(BLOCK)
  header.write(name, 0, 'latin1')
  header.write('0000600\0', 100, 'latin1')
  header.write('0000000\0', 108, 'latin1')
  header.write('0000000\0', 116, 'latin1')
  writeSize(header, size)
  header.write('00000000000\0', 136, 'latin1')
  header.write('        ', 148, 'latin1')
  header.write('0', 156, 'latin1')
  header.write('ustar\u000000', 257, 'latin1')
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return header
}

function member(name: string, content: Buffer): Buffer {
  const body = Buffer.alloc(padded(content.length))
  content.copy(body)
  return Buffer.concat([headerOf(name, content.length), body])
}

const tailOf = (digest: string): Buffer => Buffer.concat([member(SEAL, Buffer.from(`${digest}\n`)), Buffer.alloc(2 * BLOCK)])

/** What is in a file, and where. */
export interface Contents {
  /** the data's name in the tar */
  name: string
  from: number
  size: number
  manifest: Buffer
  bytes: number
  /** SHA-256 over the whole file */
  digest: string
}

/** A file in the making. */
export interface TarWriter {
  /** resolves when more may be written */
  write(chunk: Buffer): Promise<void>
  /** where the data are, as far as they are written */
  data(): { from: number, size: number }
  /** Writes the rest, and the whole to the disk. */
  finish(manifest: Buffer): Promise<void>
}

/** Begins a file that is to hold one member of unknown size and its manifest. */
export async function beginTar(handle: FileHandle, name: string): Promise<TarWriter> {
  let size = 0
  await handle.write(Buffer.alloc(BLOCK), 0, BLOCK, 0)
  return {
    async write(chunk) {
      const at = BLOCK + size
      size += chunk.length
      await handle.write(chunk, 0, chunk.length, at)
    },
    data: () => ({ from: BLOCK, size }),
    async finish(manifest) {
      await handle.write(headerOf(name, size), 0, BLOCK, 0)
      const end = BLOCK + padded(size)
      const rest = member(MANIFEST, manifest)
      await handle.write(rest, 0, rest.length, end)
      // What lies between is zero already: a file has no other bytes where nothing was written.
      await handle.sync()
      const sealed = end + rest.length
      const tail = tailOf((await digestOf(handle, sealed)).digest('hex'))
      await handle.write(tail, 0, tail.length, sealed)
      await handle.sync()
    },
  }
}

/** The digest of a file's first bytes, which may go on. */
async function digestOf(handle: FileHandle, bytes: number): Promise<Hash> {
  const hash = createHash('sha256')
  if (bytes === 0) return hash
  for await (const chunk of createReadStream('', { fd: handle, start: 0, end: bytes - 1, autoClose: false, highWaterMark: 1 << 20 })) hash.update(chunk as Buffer)
  return hash
}

/** Reads and checks a whole file. @returns undefined when a byte of it is not as it was written */
export async function readTar(path: string): Promise<Contents | undefined> {
  const handle = await open(path, 'r')
  try {
    const { size: bytes } = await handle.stat()
    const at = async (position: number, length: number): Promise<Buffer> => {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, position)
      return buffer.subarray(0, bytesRead)
    }
    if (bytes < TAIL + 3 * BLOCK || bytes % BLOCK) return undefined
    const sealed = bytes - TAIL
    const hash = await digestOf(handle, sealed)
    const tail = tailOf(hash.copy().digest('hex'))
    if (!tail.equals(await at(sealed, TAIL))) return undefined
    const header = await at(0, BLOCK)
    const name = header.toString('latin1', 0, header.indexOf(0))
    const size = readSize(header)
    const second = await at(BLOCK + padded(size), BLOCK)
    if (second.toString('latin1', 0, MANIFEST.length + 1) !== `${MANIFEST}\0` || readSize(second) > LARGEST_MANIFEST) return undefined
    return { name, from: BLOCK, size, manifest: await at(2 * BLOCK + padded(size), readSize(second)), bytes, digest: hash.update(tail).digest('hex') }
  }
  finally {
    await handle.close()
  }
}
