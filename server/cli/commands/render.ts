import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { defineCommand } from 'citty'
import { renderCollection } from '../../db/queries/render.ts'
import { withDatabase } from '../database.ts'
import { EXIT, Refusal } from '../report.ts'

export default defineCommand({
  meta: { name: 'render', description: 'write a collection\'s exact bytes to standard output' },
  args: { address: { type: 'positional', required: true, description: 'the collection\'s canonical address' } },
  run: ({ args }) => withDatabase(async (client) => {
    const hash = createHash('sha256')
    const rendering = await renderCollection(client, args.address)
    for await (const chunk of rendering.chunks) {
      hash.update(chunk)
      if (!process.stdout.write(chunk)) await once(process.stdout, 'drain')
    }
    const digest = hash.digest('hex')
    if (rendering.digest !== null && rendering.digest !== digest) {
      throw new Refusal(`${args.address} rendered to sha256 ${digest}, but its revision was sealed with ${rendering.digest}`, EXIT.failed)
    }
  }),
})
