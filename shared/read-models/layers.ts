import { z } from 'zod'
import { answer, count, time } from './page.ts'

export const layersQuery = z.strictObject({})

/** What holds or shows what the schema holds, and whether it is in step with it. */
export const layer = z.object({
  layerCode: z.enum(['database', 'directus', 'console', 'knowledge_base', 'vector_index']),
  name: z.string(),
  description: z.string(),
  fedBy: z.string(),
  state: z.enum(['in_step', 'behind', 'not_connected', 'unknown']).describe('read from evidence at this moment, never stored; unknown: it could not be compared, which is no pass'),
  seenAt: time.nullable().describe('when it last saw something'),
  saw: z.string().nullable().describe('what that was: a unit of the schema, or a collection\'s address'),
  digest: z.string().nullable().describe('SHA-256, in hex, of what it last saw; of the database: over its catalogue'),
  behind: count.nullable().describe('how much it lacks; null where that cannot be told'),
  detail: z.string(),
})
export type Layer = z.output<typeof layer>

/** A console that runs. */
export const consoleProcess = z.object({
  processId: z.uuid(),
  host: z.string(),
  pid: z.int(),
  contractUnit: z.string().describe('the newest unit that it was built with'),
  contractDigest: z.string(),
  startedAt: time,
  lastSeenAt: time,
  isStale: z.boolean().describe('silent for twenty seconds'),
  isInStep: z.boolean().describe('built for the units that are deployed'),
})
export type ConsoleProcess = z.output<typeof consoleProcess>

/** A folder that rendered collections are exported into. */
export const exporter = z.object({
  exporterId: z.int(),
  host: z.string(),
  folder: z.string(),
  pending: count.describe('renderings that its files do not have'),
  changed: count.describe('of these: collections that changed since, and have to be rendered once more'),
  exported: count,
  exportedAt: time.nullable(),
  isRunning: z.boolean().describe('a session holds it now'),
  edited: count.describe('collections that are in its files as they were rendered, and changed since'),
  unrendered: count.describe('collections that were never rendered'),
})
export type Exporter = z.output<typeof exporter>

export const layersAnswer = z.object({ ...answer, layers: z.array(layer), consoles: z.array(consoleProcess), exporters: z.array(exporter) })
export type Layers = z.output<typeof layersAnswer>
