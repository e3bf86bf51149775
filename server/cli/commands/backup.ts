import { resolve } from 'node:path'
import { defineCommand } from 'citty'
import { rowsIn } from '../../backup/manifest.ts'
import { restoreBackup } from '../../backup/restore.ts'
import { takeBackup, tryBackup } from '../../backup/take.ts'
import { DRIZZLE, readUnits } from '../../deploy/index.ts'
import { BACKUPS, backupKind, withDatabase } from '../database.ts'
import { checkLines } from '../deploying.ts'
import { madeFolder, PRIVATE } from '../files.ts'
import { bytes, count, EXIT, note, say, sayJson } from '../report.ts'

const json = { json: { type: 'boolean', description: 'one JSON document' } } as const

export const backup = defineCommand({
  meta: { name: 'backup', description: 'back the database up, restore that into a scratch database, and put on record whether it is whole' },
  args: {
    to: { type: 'string', description: `folder of the file (${BACKUPS})` },
    check: { type: 'string', description: 'make no new one: try this file' },
    ...json,
  },
  run: ({ args }) => withDatabase(async (client) => {
    const units = readUnits(DRIZZLE)
    const tried = args.check === undefined
      ? await takeBackup(client, { folder: madeFolder('to', args.to ?? BACKUPS, PRIVATE), kind: backupKind(), units, onStep: note })
      : await tryBackup(client, args.check, units)
    const { path, bytes: size, digest, of } = tried.backup
    if (args.json) {
      sayJson({ file: path, kind: of.kind, tag: of.tag, bytes: size, sha256: digest, entries: of.entries, rows: rowsIn(of), takenAt: of.takenAt, checks: tried.checks, restorable: tried.isRestorable, evidence: tried.evidence ?? null })
    }
    else {
      say([
        `${path}: ${bytes(size)}, ${of.entries.toLocaleString('en')} entries, ${count(rowsIn(of), 'row')}, as of ${of.tag}`, `sha256 ${digest}`, ...checkLines(tried),
        tried.isRestorable ? 'it can be restored' : 'it can NOT be restored whole', tried.evidence === undefined ? 'this schema does not record backups yet' : `on record as backup ${tried.evidence}`,
      ].join('\n'))
    }
    if (!tried.isRestorable) process.exitCode = EXIT.failed
  }, { deploys: false }),
})

export const restore = defineCommand({
  meta: { name: 'restore', description: 'restore a backup into an empty database' },
  args: { file: { type: 'positional', required: true, description: 'its path' }, ...json },
  run: ({ args }) => withDatabase(async (client) => {
    const { backup: { path, of }, checks, lacking } = await restoreBackup(client, resolve(args.file), readUnits(DRIZZLE))
    const isWhole = checks.every(({ ok }) => ok)
    if (args.json) sayJson({ file: path, tag: of.tag, takenAt: of.takenAt, rows: rowsIn(of), checks, whole: isWhole, lacking })
    else {
      say([
        ...checks.map(({ name, ok, detail }) => `${ok ? '✓' : '✗'} ${name}: ${detail}`), `restored ${count(rowsIn(of), 'row')} as of ${of.takenAt}, at ${of.tag}`,
        ...lacking.length ? [`this checkout has ${count(lacking.length, 'unit')} more: iu db deploy applies ${lacking.join(', ')}`] : [],
      ].join('\n'))
    }
    if (!isWhole) process.exitCode = EXIT.failed
  }, { deploys: false }),
})
