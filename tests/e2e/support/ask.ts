import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http'

export interface Asked {
  method?: string
  headers?: OutgoingHttpHeaders
  /** sent as it is; anything but text and bytes as JSON */
  body?: unknown
  /** without a content-length */
  chunked?: boolean
}

export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  text: string
  /** the body as JSON */
  json: <Body = Record<string, unknown>>() => Body
}

/** Asks as no browser would: any host, any bytes. */
export function ask(origin: string, path: string, { method = 'GET', headers = {}, body, chunked = false }: Asked = {}): Promise<Answer> {
  const bytes = body === undefined ? undefined : Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  const { hostname, port } = new URL(origin)
  return new Promise((resolve, reject) => {
    const sent = request({
      hostname, port, path, method, agent: false,
      headers: { ...(bytes ? { 'content-type': 'application/json', ...(chunked ? {} : { 'content-length': bytes.length }) } : {}), ...headers },
    }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', chunk => chunks.push(chunk as Buffer)).on('error', reject).on('end', () => {
        const text = Buffer.concat(chunks).toString()
        resolve({ status: response.statusCode!, headers: response.headers, text, json: <Body>() => JSON.parse(text) as Body })
      })
    })
    sent.on('error', reject)
    sent.end(bytes)
  })
}
