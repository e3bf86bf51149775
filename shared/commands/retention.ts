import { z } from 'zod'
import { body, define, id, instant, named, RUNTIME } from './contract.ts'

const common = { area: 'delivery', right: 'approver', gates: RUNTIME } as const
const rows = { refreshes: ['accounting', 'overview', 'attempts', 'shell'] } as const
const digest = named(z.string().regex(/^[0-9a-f]{64}$/, 'is no SHA-256 in hex'))

export const RETENTION = [
  define({
    ...common, code: 'dot_iu_record_archive', label: 'Record archive', tier: 1, refreshes: [],
    description: 'Writes a file of archived events down with its digests; removes nothing.',
    input: z.strictObject({
      file: named(z.string().min(1).max(200).regex(/^[A-Za-z0-9._-]+$/, 'is a file\'s name, without folders')).describe('its name'),
      file_sha256: digest.describe('over the compressed file'),
      file_bytes: z.int().min(1),
      content_sha256: digest.describe('over what it holds'),
      older_than: instant.describe('events and attempts before this time'),
      first_event: id,
      last_event: id,
    }),
  }),
  define({
    ...common, ...rows, code: 'dot_iu_remove_archived_events', label: 'Remove archived events', tier: 2,
    description: 'Removes the events and attempts of an archive on record, when they are exactly what its file holds.',
    input: z.strictObject({ archive: id }),
  }),
  define({
    ...common, ...rows, code: 'dot_iu_restore_archived_events', label: 'Restore archived events', tier: 2,
    description: 'Brings the events and attempts of an archive back, each row as it was.',
    input: z.strictObject({ archive: id, content: body(200_000_000).describe('what the file holds, uncompressed') }),
  }),
]
