import type { IncomingMessage } from 'node:http'
import type { H3Event } from 'h3'
import type { z } from 'zod'
import { parseExactly } from '~~/shared/exact-json.ts'
import { JsonError } from '~~/shared/routing/decimal.ts'

/** The body of a request as JSON. @throws a problem for one that is too large, of another type, or no JSON. */
export async function readJson(event: H3Event, mostBytes: number): Promise<unknown> {
  const { req } = event.node
  if (!/^application\/json\s*(?:;|$)/i.test(getRequestHeader(event, 'content-type') ?? '')) throw new ProblemError('unsupported_media_type')
  const tooLarge = () => new ProblemError('body_too_large', { detail: `At most ${mostBytes} bytes.` })
  if (Number(getRequestHeader(event, 'content-length') ?? 0) > mostBytes) throw tooLarge()
  const chunks: Buffer[] = []
  let bytes = 0
  // Left before its end the stream stays open: the rest is still to be read away.
  for await (const chunk of req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > mostBytes) throw tooLarge()
    chunks.push(chunk)
  }
  try {
    // Bytes that are not UTF-8 are refused, not mended.
    return parseExactly(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)))
  }
  catch (error) {
    throw new ProblemError('malformed_json', error instanceof JsonError ? { detail: `It cannot be taken: ${error.message}.` } : {})
  }
}

/** What is read of a body that nobody wants, and for how long. */
const AWAY = { mostBytes: 64_000_000, milliseconds: 10_000 }

/**
 * Reads what is left of a body and forgets it, within bounds. Who answers before a body has come closes the
 * connection on someone who still writes, and who then sees a broken pipe instead of the answer.
 */
export async function readAway(req: IncomingMessage): Promise<void> {
  const hasBody = req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0
  if (!hasBody || req.complete || req.destroyed) return
  await new Promise<void>((resolve) => {
    let bytes = 0
    const done = () => {
      clearTimeout(timer)
      req.off('data', count).off('end', done).off('close', done).off('error', done)
      resolve()
    }
    const count = (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > AWAY.mostBytes) done()
    }
    const timer = setTimeout(done, AWAY.milliseconds)
    req.on('data', count).on('end', done).on('close', done).on('error', done).resume()
  })
}

/** Checks a body against its schema. @throws a problem that names the path of each field at fault. */
export function checkInput<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const parsed = schema.safeParse(body)
  if (!parsed.success) throw invalidInput(parsed.error)
  return parsed.data
}
