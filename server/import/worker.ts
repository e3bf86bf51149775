// Runs the Markdown parser in a thread of its own, for parser.ts: a file's bytes come in, its blocks go out.
import { parentPort } from 'node:worker_threads'
import { parseBlocks } from './inline.ts'

parentPort!.on('message', (bytes: Uint8Array) => {
  parentPort!.postMessage(parseBlocks(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)))
})
parentPort!.postMessage('ready')
