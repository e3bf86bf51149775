import { join, resolve } from 'node:path'
import { defineCommand } from 'citty'
import { auditEvents, forecastArchive, listArchives } from '../../db/functions/archive.ts'
import { archiveEvents, checkArchive, restoreArchive } from '../archive.ts'
import { DATA, TOKEN, withDatabase } from '../database.ts'
import { madeFolder, PRIVATE } from '../files.ts'
import { bytes, count, EXIT, note, Refusal, say, sayJson, table, whole } from '../report.ts'
import { stopSignal } from '../signals.ts'

const json = { json: { type: 'boolean', description: 'one JSON document' } } as const
const folderArg = { type: 'string', description: `folder of the files (${join(DATA, 'archive')})` } as const
const folderOf = (given: string | undefined): string => resolve(given ?? join(DATA, 'archive'))

const UNITS: Record<string, number> = { h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 }

/** The time that an age such as 90d stands for, counted from now. */
function timeOf(age: string): string {
  const [, number, unit] = /^(\d{1,5})([hdw])$/.exec(age) ?? []
  if (!number || !unit) throw new Refusal(`--older-than: "${age}" is no age; write 36h, 90d or 12w`, EXIT.usage)
  return new Date(Date.now() - Number(number) * UNITS[unit]!).toISOString()
}

/** Why an event stays, for a person. */
const VERDICTS: Record<string, string> = {
  archivable: 'would be archived',
  held: 'stay: lane held',
  releases_a_held_event: 'stay: release a held event',
  not_attempted: 'stay: not attempted yet',
  not_audited: 'stay: not audited yet',
  open_dead_letter: 'stay: open dead letter',
  to_be_replayed: 'stay: a replay in the background has yet to come to them',
  attempted_since: 'stay: attempted since',
  cannot_be_written_out: 'stay: cannot be written out',
}

export default defineCommand({
  meta: { name: 'retention', description: 'archive routed events and attempts that are old, and bring them back' },
  subCommands: {
    plan: defineCommand({
      meta: { name: 'plan', description: 'what an archive would take, and what would stay and why' },
      args: { 'older-than': { type: 'string', required: true, description: 'an age: 36h, 90d, 12w' }, ...json },
      run: ({ args }) => withDatabase(async (client) => {
        const olderThan = timeOf(args['older-than'])
        await auditEvents(client)
        const verdicts = await forecastArchive(client, olderThan)
        if (args.json) return sayJson({ olderThan, verdicts })
        say(verdicts.length
          ? table(['EVENTS OLDER THAN THAT', 'EVENTS', 'ATTEMPTS', 'OLDEST', 'NEWEST'], verdicts.map(row => [VERDICTS[row.verdict] ?? row.verdict, row.events.toLocaleString('en'), row.attempts.toLocaleString('en'), row.oldestAt.toISOString(), row.newestAt.toISOString()]))
          : `no event is older than ${olderThan}`)
      }),
    }),
    run: defineCommand({
      meta: { name: 'run', description: 'archive what is old: a file, its record, then the removal, batch by batch' },
      args: {
        'older-than': { type: 'string', required: true, description: 'an age: 36h, 90d, 12w' },
        'to': folderArg,
        'batch': { type: 'string', default: '10000', description: 'events a file, at most' },
        'reason': { type: 'string', required: true, description: 'why' },
        ...json,
      },
      async run({ args }) {
        const olderThan = timeOf(args['older-than'])
        const batch = whole('batch', args.batch, 1, 100_000)
        const folder = folderOf(args.to)
        // The removal asks for it, when the file is written already.
        if (!args.reason.trim()) throw new Refusal('--reason: say why', EXIT.usage)
        madeFolder('to', folder, PRIVATE)
        const signal = stopSignal()
        await withDatabase(async (client) => {
          await auditEvents(client, () => !signal.aborted)
          const total = await archiveEvents(client, {
            folder, olderThan, batch, reason: args.reason, token: TOKEN, signal,
            onBatch: ({ file, archive, events, attempts }) => note(`archive ${archive}: ${count(events, 'event')}, ${count(attempts, 'attempt')}, ${bytes(file.bytes)} in ${file.name}`),
          })
          if (args.json) sayJson({ olderThan, folder, ...total })
          else say(`${count(total.events, 'event')} and ${count(total.attempts, 'attempt')} archived in ${count(total.files, 'file')} (${bytes(total.bytes)}) in ${folder}`)
        })
      },
    }),
    list: defineCommand({
      meta: { name: 'list', description: 'every archive on record' },
      args: json,
      run: ({ args }) => withDatabase(async (client) => {
        const archives = await listArchives(client)
        if (args.json) return sayJson({ archives })
        say(table(['ARCHIVE', 'EVENTS', 'ATTEMPTS', 'OLDEST', 'NEWEST', 'WHERE', 'FILE'], archives.map(archive => [
          String(archive.archiveId), archive.events.toLocaleString('en'), archive.attempts.toLocaleString('en'), archive.oldestAt.toISOString(), archive.newestAt.toISOString(),
          archive.isRemoved ? 'archived' : archive.movedAt ? 'restored' : 'recorded only', archive.fileName])))
      }),
    }),
    verify: defineCommand({
      meta: { name: 'verify', description: 'compare the files with their recorded digests' },
      args: { to: folderArg, ...json },
      run: ({ args }) => withDatabase(async (client) => {
        const folder = folderOf(args.to)
        const checked = []
        for (const archive of await listArchives(client)) {
          // Only what is nowhere else must be in its file.
          if (archive.isRemoved) checked.push({ archive: archive.archiveId, file: archive.fileName, problem: await checkArchive(folder, archive) ?? null })
        }
        const broken = checked.filter(({ problem }) => problem !== null)
        if (args.json) sayJson({ folder, checked })
        else say([...broken.map(({ archive, file, problem }) => `✗ archive ${archive}, ${file}: ${problem}`), `${checked.length - broken.length} of ${count(checked.length, 'file')} hold what was recorded`].join('\n'))
        if (broken.length) process.exitCode = EXIT.failed
      }),
    }),
    restore: defineCommand({
      meta: { name: 'restore', description: 'bring the events and attempts of a file back, each row as it was' },
      args: { file: { type: 'positional', required: true, description: 'its path' }, reason: { type: 'string', required: true, description: 'why' }, ...json },
      run: ({ args }) => withDatabase(async (client) => {
        const restored = await restoreArchive(client, resolve(args.file), args.reason, TOKEN)
        if (args.json) sayJson(restored)
        else say(`archive ${restored.archive}: ${count(restored.events, 'event')} and ${count(restored.attempts, 'attempt')} are back`)
      }),
    }),
  },
})
