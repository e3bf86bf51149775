// Runs the Markdown parser in a thread of its own, for parser.ts: a file's bytes come in, its blocks go out.
import { parentPort } from 'node:worker_threads'
import { markdownBlocks } from './markdown.ts'
import type { Block } from './pieces.ts'

parentPort!.on('message', (bytes: Uint8Array) => {
  parentPort!.postMessage(parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)))
})
parentPort!.postMessage('ready')

/** A text the parser fails on (nesting beyond its stack, say) is one it cannot cut, like one beyond the limits: null. */
function parse(content: Buffer): Block[] | null {
  try {
    return markdownBlocks(content)
  }
  catch {
    return null
  }
}
