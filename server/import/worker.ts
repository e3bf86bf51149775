// Cuts texts in a thread of its own, for cutter.ts: a file's bytes come in, its pieces go out.
import { parentPort } from 'node:worker_threads'
import { cutHere } from './inline.ts'

parentPort!.on('message', ({ bytes, mayParse }: { bytes: Uint8Array, mayParse: boolean }) => {
  parentPort!.postMessage(cutHere(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), mayParse))
})
parentPort!.postMessage('ready')
