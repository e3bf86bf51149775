/**
 * A process that opens the embedded server of a folder and releases it when its input ends, hence also when the
 * process that started it is killed: `node opener.ts <directory> [<json>]`, the JSON being more options of
 * `openEmbedded` and `remove: true` for a folder that is to be removed at the end.
 * It prints one line of JSON when the server is open.
 */
import { realpath, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { EmbeddedOptions } from '../../../server/embedded/index.ts'
import { openEmbedded } from '../../../server/embedded/index.ts'

const [directory, json = '{}'] = process.argv.slice(2) as [string, string?]
const { remove = false, ...options } = JSON.parse(json) as Partial<EmbeddedOptions> & { remove?: boolean }

try {
  const steps: string[] = []
  const server = await openEmbedded({ ...options, directory, onStep: message => steps.push(message) })
  console.log(JSON.stringify({ adminUrl: server.adminUrl, port: server.port, version: server.version, started: server.started, steps }))
  for await (const _ of process.stdin) { /* until it ends */ }
  await server.release()
}
finally {
  if (remove) {
    // The data may lie elsewhere, behind a link.
    const data = await realpath(join(directory, 'postgres')).catch(() => undefined)
    for (const folder of [data, directory]) if (folder) await rm(folder, { recursive: true, force: true })
  }
}
