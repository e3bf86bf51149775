import { realpath } from 'node:fs/promises'
import { hostname } from 'node:os'
import { defineCommand } from 'citty'
import type { Client } from 'pg'
import { isPassing } from '../../db/faults.ts'
import { beginExport, forgetExport } from '../../db/functions/export.ts'
import { pause } from '../../worker/pause.ts'
import { useStandstill } from '../../worker/standstill.ts'
import { connect, openTarget } from '../database.ts'
import { type Exported, exportPending, readBack } from '../export.ts'
import { madeFolder } from '../files.ts'
import { bytes, count, EXIT, note, Refusal, say, sayJson, whole } from '../report.ts'
import { stopSignal } from '../signals.ts'

const tell = (exported: Exported): void => note(exported.status === 'exported'
  ? `${exported.path}: ${bytes(exported.bytes)}, sha256 ${exported.digest}`
  : `✗ ${exported.address}: ${exported.detail}`)

async function hold(client: Client, folder: string): Promise<number> {
  const exporter = await beginExport(client, hostname(), folder)
  if (exporter === undefined) throw new Refusal(`another process exports into ${folder}`)
  return exporter
}

export default defineCommand({
  meta: { name: 'export', description: 'write every rendered collection and its manifest as files, and remember what was written' },
  args: {
    to: { type: 'string', required: true, description: 'the folder' },
    watch: { type: 'boolean', description: 'go on with what is rendered later, until stopped' },
    poll: { type: 'string', default: '1000', description: 'with --watch: how often to look, in milliseconds' },
    forget: { type: 'boolean', description: 'take the folder off the record instead; its files stay' },
    json: { type: 'boolean', description: 'one JSON document at the end' },
  },
  async run({ args }) {
    const pollMs = whole('poll', args.poll, 10, 3_600_000)
    const signal = stopSignal()
    const root = await realpath(madeFolder('to', args.to))
    const target = await openTarget({ as: 'demo_exporter' })
    try {
      if (args.watch) return await watch(target.url, root, pollMs, signal)
      const client = await connect(target.url, 'iu export')
      try {
        const exporter = await hold(client, root)
        if (args.forget) {
          const collections = await forgetExport(client, exporter)
          return args.json ? sayJson({ folder: root, forgotten: collections }) : say(`${root} is off the record: ${count(collections, 'collection')}`)
        }
        await readBack(client, { root, exporter, signal })
        const exported = await exportPending(client, { root, exporter, signal, onExported: args.json ? undefined : tell })
        const done = exported.filter(({ status }) => status === 'exported').length
        if (args.json) sayJson({ folder: root, exported })
        else say(`${count(done, 'collection')} exported into ${root}${done < exported.length ? `, ${exported.length - done} not` : ''}`)
        if (done < exported.length) process.exitCode = EXIT.partly
      }
      finally {
        await client.end()
      }
    }
    finally {
      await target.close()
    }
  },
})

/** How often the files of a folder that is watched are read back. */
const READ_BACK_MS = 600_000

/** Goes on until the signal, also over an outage of the database; what cannot be exported is told when it begins, not at each look. */
async function watch(url: string, root: string, pollMs: number, signal: AbortSignal): Promise<void> {
  const standstill = useStandstill('nothing is exported')
  let told = new Set<string>()
  let client: Client | undefined
  let exporter: number | undefined
  let readAt = -Infinity
  try {
    while (!signal.aborted) {
      try {
        client ??= await connect(url, 'iu export')
        exporter ??= await hold(client, root)
        if (performance.now() - readAt >= READ_BACK_MS) {
          await readBack(client, { root, exporter, signal })
          readAt = performance.now()
        }
        const done = await exportPending(client, {
          root, exporter, signal,
          onExported: one => one.status !== 'exported' && told.has(`${one.address} ${one.detail}`) ? undefined : tell(one),
        })
        told = new Set(done.flatMap(one => one.status === 'exported' ? [] : [`${one.address} ${one.detail}`]))
        standstill.over()
      }
      catch (thrown) {
        const error = thrown as Error
        if (!isPassing(error)) throw error
        standstill.met(error)
        // It is lost already; closing it only frees the socket.
        await client?.end().catch(() => {})
        client = exporter = undefined
      }
      await pause(pollMs, signal)
    }
  }
  finally {
    await client?.end()
  }
}
