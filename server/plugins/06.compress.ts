import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'

/** Below this an answer fits into one packet as it is. */
const LEAST_BYTES = 1_000
const WAYS = {
  br: (bytes: Buffer) => promisify(brotliCompress)(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 4, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }),
  gzip: (bytes: Buffer) => promisify(gzip)(bytes, { level: 6 }),
}

/** The best way that a client takes: `br;q=0` is a refusal. */
function encodingFor(accepted: string | undefined): keyof typeof WAYS | undefined {
  const asked = (accepted ?? '').toLowerCase().split(',').map(part => part.split(';').map(text => text.trim()))
  const taken = new Set(asked.filter(([, ...rest]) => !rest.some(text => text.startsWith('q=') && Number(text.slice(2)) === 0)).map(([way]) => way))
  return (['br', 'gzip'] as const).find(way => taken.has(way))
}

/** Pages and answers in JSON go compressed: they are text that repeats itself. A download goes as it is, by its own length. */
export default defineNitroPlugin((nitro) => {
  nitro.hooks.hook('beforeResponse', async (event, response) => {
    // The error's page is asked for by the error handler, which reads it as text, and hands on its headers.
    if (event.path.startsWith('/__nuxt_error')) return
    const { body } = response
    const isJson = typeof body === 'object' && body !== null && [Object.prototype, Array.prototype, null].includes(Object.getPrototypeOf(body))
    if (event.method !== 'GET' || !(isJson || typeof body === 'string') || getResponseHeader(event, 'content-encoding')) return
    const bytes = Buffer.from(isJson ? JSON.stringify(body) : body as string)
    if (bytes.length < LEAST_BYTES) return
    appendResponseHeader(event, 'vary', 'accept-encoding')
    const way = encodingFor(getRequestHeader(event, 'accept-encoding'))
    if (!way) return
    if (isJson && !getResponseHeader(event, 'content-type')) setResponseHeader(event, 'content-type', 'application/json')
    removeResponseHeader(event, 'content-length')
    setResponseHeader(event, 'content-encoding', way)
    response.body = await WAYS[way](bytes)
  })
})
