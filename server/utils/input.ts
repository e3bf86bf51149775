import type { H3Event } from 'h3'
import type { z } from 'zod'

/** The body of a request as JSON. @throws a problem for one that is too large, of another type, or no JSON. */
export async function readJson(event: H3Event, mostBytes: number): Promise<unknown> {
  const { req } = event.node
  if (!/^application\/json\s*(?:;|$)/i.test(getRequestHeader(event, 'content-type') ?? '')) throw new ProblemError('unsupported_media_type')
  const tooLarge = () => new ProblemError('body_too_large', { detail: `At most ${mostBytes} bytes.` })
  if (Number(getRequestHeader(event, 'content-length') ?? 0) > mostBytes) throw tooLarge()
  const chunks: Buffer[] = []
  let bytes = 0
  // Left before its end the stream stays open: a connection that is cut off would not bring the answer.
  for await (const chunk of req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > mostBytes) throw tooLarge()
    chunks.push(chunk)
  }
  try {
    // Bytes that are not UTF-8 are refused, not mended.
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)))
  }
  catch {
    throw new ProblemError('malformed_json')
  }
}

/** Checks a body against its schema. @throws a problem that names the path of each field at fault. */
export function checkInput<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const parsed = schema.safeParse(body)
  if (!parsed.success) throw invalidInput(parsed.error)
  return parsed.data
}
