import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { within } from '../server/cli/database.ts'
import { auditEvents } from '../server/db/functions/archive.ts'
import { importSources } from '../server/import/import.ts'
import { setGate, WORKER } from '../tests/db/world.ts'
import type { Cluster } from './cluster.ts'
import { deployed } from './contestants/ours.ts'
import { type History, LARGE, makeHistory } from './history.ts'
import { type Known, measureReads } from './reads.ts'
import { type Measured, median } from './report.ts'

interface Options { rounds: number, tell: (line: string) => void }

const PASSES = 20
const DOCUMENTS = 100
const SECTIONS = 2000

/** Some documents, and what each read of one thing asks for. */
async function makeDocuments(url: string): Promise<Known> {
  const folder = await mkdtemp(join(tmpdir(), 'iu-bench-documents-'))
  try {
    const section = (n: number) => `## Section ${n}\n\nThe text of section ${n}, long enough to be one.\n\n`
    const names = ['large.md', ...Array.from({ length: DOCUMENTS }, (_, n) => `small-${n}.md`)]
    for (const name of names) await writeFile(join(folder, name), Array.from({ length: name === 'large.md' ? SECTIONS : 3 }, (_, n) => section(n)).join(''))
    return await within(url, async (client) => {
      for (const gate of ['operator_runtime_enabled', 'autocut_enabled']) await setGate(client, gate, true)
      await importSources(names.map(name => ({ file: join(folder, name), relativePath: name })), { prefix: '', maxBytes: 10_000_000, clients: [client] })
      const { rows: [known] } = await client.query<Known>(`
        SELECT 'large.md' AS collection, (SELECT unit_id::int FROM iu_core.v_iu_collection_piece WHERE collection_address = 'large.md' ORDER BY position LIMIT 1) AS unit,
               (SELECT max(dead_letter_id)::int FROM iu_core.v_iu_route_dead_letter_open) AS "deadLetter", (SELECT max(run_id)::int FROM iu_core.v_dot_iu_command_run) AS run`)
      return known!
    })
  }
  finally {
    await rm(folder, { recursive: true })
  }
}

/** A database with a past, audited as a console would have done meanwhile. */
async function withHistory(cluster: Cluster, name: string, history: History, tell: Options['tell']): Promise<string> {
  const url = await cluster.database(name)
  await deployed(url)
  await within(url, async (client) => {
    await makeHistory(client, history)
    await auditEvents(client)
  })
  tell(`${name}: ${history.events.toLocaleString('en')} events, ${history.routed.toLocaleString('en')} of them routed`)
  return url
}

/** Milliseconds of full pages in the one database and the other, turn by turn. */
async function passCosts(urls: [string, string], rounds: number): Promise<[number[], number[]]> {
  const clients = urls.map(url => new pg.Client(url)) as [pg.Client, pg.Client]
  await Promise.all(clients.map(client => client.connect()))
  const pass = async (client: pg.Client) => {
    const started = performance.now()
    const { rows } = await client.query<{ seen: number }>({ name: 'pass', text: 'SELECT seen FROM iu_core.fn_iu_route_worker_run($1, 1000)', values: [WORKER] })
    if (rows[0]!.seen !== 1000) throw new Error(`a pass saw ${rows[0]!.seen} events`)
    return performance.now() - started
  }
  const costs: [number[], number[]] = [[], []]
  try {
    for (const client of clients) for (let n = 0; n < PASSES; n++) await pass(client)
    for (let round = 0; round < rounds; round++) {
      const spent: [number[], number[]] = [[], []]
      for (let n = 0; n < PASSES; n++) for (const which of n % 2 ? [0, 1] as const : [1, 0] as const) spent[which].push(await pass(clients[which]))
      for (const which of [0, 1] as const) costs[which].push(median(spent[which]))
    }
  }
  finally {
    await Promise.all(clients.map(client => client.end()))
  }
  return costs
}

/** What a long past costs: each pass, and each statement that a page of the console sends. */
export async function scaleRatios(cluster: Cluster, { rounds, tell }: Options): Promise<Measured[]> {
  const waiting = (rounds + 1) * PASSES * 1000
  const small = await withHistory(cluster, 'scale_small', { events: 10_000 + waiting, routed: 10_000, days: 30 }, tell)
  const large = await withHistory(cluster, 'scale_large', LARGE, tell)
  const known = await makeDocuments(large)
  await within(large, client => client.query('VACUUM ANALYZE'))
  const { statements, one } = await measureReads(large, known, Math.max(5, rounds))
  const ranked = statements.map(statement => ({ ...statement, median: median(statement.ms) })).sort((a, b) => b.median - a.median)
  for (const { model, text, median: ms } of ranked.filter(statement => statement.median > 2)) tell(`${model}: ${ms.toFixed(2)} ms, ${Math.round(ms / median(one))} × select 1, ${text.replace(/\s+/g, ' ').slice(0, 120)}`)
  tell(`${ranked.length} statements of ${new Set(ranked.map(({ model }) => model)).size} reads, ${ranked.filter(statement => statement.median <= 2).length} of them within 2 ms`)
  const [cost, least] = await passCosts([large, small], rounds)
  return [
    { row: 'pass cost at 5 M history ÷ at 10 k', unit: 'ms', ours: cost, peer: least, ratios: cost.map((ms, round) => ms / least[round]!), must: 1.25, aim: 1.1, better: 'less' },
    { row: 'every view a page reads, at 5 M events and 1 M attempts: the slowest, in ms', unit: 'ms', ours: ranked[0]!.ms, peer: one, ratios: ranked[0]!.ms, must: 10, aim: 2, better: 'less' },
  ]
}
