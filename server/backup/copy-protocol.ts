/** COPY over a connection of pg, which knows its messages but not what to do with them. */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import type { Client } from 'pg'

interface CopyConnection {
  stream: Socket
  query(text: string): void
  sendCopyFromChunk(chunk: Buffer): void
  endCopyFrom(): void
  sendCopyFail(reason: string): void
}

/** What pg calls of a query that it was given as an object. */
abstract class CopyQuery {
  private readonly text: string
  protected connection?: CopyConnection
  private failure?: Error

  constructor(text: string) {
    this.text = text
  }

  submit(connection: CopyConnection): void {
    this.connection = connection
    connection.query(this.text)
  }

  protected fail(error: Error): void {
    this.failure ??= error
  }

  /** The end, once: with what went wrong, if anything did. */
  protected abstract settle(failure?: Error): void

  handleError(error: Error): void {
    this.fail(error)
    // Behind a lost connection no ReadyForQuery comes.
    this.settle(this.failure)
  }

  handleReadyForQuery(): void {
    this.settle(this.failure)
  }

  handleCommandComplete(): void {}
  handleEmptyQuery(): void {}
  handleRowDescription(): void {}
  handleDataRow(): void {}
  handlePortalSuspended(): void {}
  handleCopyData(_message: { chunk: Buffer }): void {}

  handleCopyInResponse(connection: CopyConnection): void {
    connection.sendCopyFail('nothing to send')
  }
}

class CopyOut extends CopyQuery {
  readonly rows = new Readable({ read: () => void this.connection?.stream.resume() })

  constructor(text: string) {
    super(text)
    // Whoever stops reading must not leave the connection standing.
    this.rows.once('close', () => this.connection?.stream.resume())
  }

  override handleCopyData({ chunk }: { chunk: Buffer }): void {
    if (this.rows.destroyed) return
    // The parser uses its buffer again.
    if (!this.rows.push(Buffer.from(chunk))) this.connection!.stream.pause()
  }

  protected settle(failure?: Error): void {
    if (failure) this.rows.destroy(failure)
    else if (!this.rows.destroyed) this.rows.push(null)
  }
}

class CopyIn extends CopyQuery {
  readonly done: Promise<void>
  private end!: (failure?: Error) => void
  private readonly chunks: AsyncIterable<Buffer>

  constructor(text: string, chunks: AsyncIterable<Buffer>) {
    super(text)
    this.chunks = chunks
    this.done = new Promise((resolve, reject) => {
      this.end = failure => failure ? reject(failure) : resolve()
    })
  }

  override handleCopyInResponse(connection: CopyConnection): void {
    this.send(connection).catch((error: Error) => {
      this.fail(error)
      connection.sendCopyFail('the file could not be read')
    })
  }

  private async send(connection: CopyConnection): Promise<void> {
    for await (const chunk of this.chunks) {
      connection.sendCopyFromChunk(chunk)
      if (connection.stream.writableNeedDrain) await Promise.race([once(connection.stream, 'drain'), this.done])
    }
    connection.endCopyFrom()
  }

  protected settle(failure?: Error): void {
    this.end(failure)
  }
}

const submit = (client: Client, query: CopyQuery): unknown => client.query(query as unknown as Parameters<Client['query']>[0])

/** What a COPY … TO STDOUT gives; no more is asked of the server than is read. */
export function copyOut(client: Client, text: string): Readable {
  const query = new CopyOut(text)
  submit(client, query)
  return query.rows
}

/** Runs a COPY … FROM STDIN, as fast as the server takes the chunks. */
export async function copyIn(client: Client, text: string, chunks: AsyncIterable<Buffer>): Promise<void> {
  const query = new CopyIn(text, chunks)
  submit(client, query)
  await query.done
}
