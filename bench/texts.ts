import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { closeCutters, cut } from '../server/import/cut.ts'
import { importSources } from '../server/import/import.ts'
import { demoDocuments } from '../server/demo/documents.ts'
import { GATES, run } from '../tests/db/commands/world.ts'
import { setGate } from '../tests/db/world.ts'
import type { Cluster } from './cluster.ts'
import { deployed } from './contestants/ours.ts'
import { median, type Measured } from './report.ts'

interface Options { rounds: number, tell: (line: string) => void }

const SMALL = 10
const BIG = 100_000
const MOVES = 50
const ROOT = join(import.meta.dirname, '..')

const connected = async (url: string): Promise<pg.Client> => {
  const client = new pg.Client(url)
  await client.connect()
  return client
}

/** Moves one piece, to and fro, in a collection of ten and in one of a hundred thousand, one after the other. */
async function reorderRatio(cluster: Cluster, { rounds, tell }: Options): Promise<Measured> {
  const url = await cluster.database('reorder')
  await deployed(url)
  const client = await connected(url)
  try {
    for (const gate of GATES) await setGate(client, gate, true)
    const sizes = { small: SMALL, big: BIG }
    for (const [name, count] of Object.entries(sizes)) {
      await client.query(`
        SELECT iu_core.fn_iu_compose($1::text, 'file', 'Title', iu_core.fn_iu_create_batch(addresses, kinds, bodies, titles), E'\\n') FROM (
          SELECT array_agg(format('%s.%s', $1::text, i)) AS addresses, array_agg('text'::text) AS kinds, array_agg('Body.'::text) AS bodies, array_agg(''::text) AS titles
          FROM generate_series(1, $2::integer) AS i) AS given`, [name, count])
    }
    await client.query('VACUUM ANALYZE')
    /** Milliseconds of one move: the middle piece, to the end and behind an early one by turns. */
    const move = async (name: keyof typeof sizes, n: number): Promise<number> => {
      const place = n % 2 ? { to: 'last' } : { after: `${name}.${Math.ceil(sizes[name] * 0.2)}` }
      const started = performance.now()
      const receipt = await run(client, 'dot_iu_reorder_piece', 'apply', { collection: name, piece: `${name}.${sizes[name] / 2}`, ...place })
      if (receipt.status !== 'succeeded') throw new Error(JSON.stringify(receipt))
      return performance.now() - started
    }
    const times: Record<keyof typeof sizes, number[]> = { small: [], big: [] }
    for (let round = 0; round < rounds; round++) {
      const spent: Record<keyof typeof sizes, number[]> = { small: [], big: [] }
      for (let n = 0; n < MOVES + 10; n++) {
        for (const name of ['small', 'big'] as const) {
          const ms = await move(name, n)
          if (n >= 10) spent[name].push(ms)
        }
      }
      for (const name of ['small', 'big'] as const) times[name].push(median(spent[name]))
      tell(`round ${round + 1}: a move among ${SMALL} pieces ${times.small.at(-1)!.toFixed(2)} ms, among ${BIG.toLocaleString('en')} ${times.big.at(-1)!.toFixed(2)} ms`)
    }
    return {
      row: 'one reorder in a 100 k-piece collection ÷ in a 10-piece one', unit: 'ms', ours: times.big, peer: times.small,
      ratios: times.big.map((ms, round) => ms / times.small[round]!), must: 2, aim: 1.1, better: 'less',
    }
  }
  finally {
    await client.end()
  }
}

/** Imports real documents: cut, addresses, versions, events, ledger. Against one INSERT of the same bodies a file. */
async function importRatio(cluster: Cluster, { rounds, tell }: Options): Promise<Measured> {
  const sources = demoDocuments(ROOT)
  const files = await Promise.all(sources.map(async ({ file }) => {
    const content = readFileSync(file)
    return { content, bodies: (await cut(content)).pieces.map(({ start, length }) => content.subarray(start, start + length).toString()) }
  }))
  const megabytes = files.reduce((bytes, { content }) => bytes + content.length, 0) / 1e6
  const [ours, peer]: [number[], number[]] = [[], []]
  const rate = async (work: () => Promise<unknown>): Promise<number> => {
    const started = performance.now()
    await work()
    return megabytes / (performance.now() - started) * 1000
  }
  const plain = await connected(await cluster.database('import_plain'))
  try {
    await plain.query('CREATE TABLE piece (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, source integer NOT NULL, position integer NOT NULL, body text NOT NULL)')
    for (let round = 0; round < rounds; round++) {
      const url = await cluster.database(`import_${round}`)
      await deployed(url)
      const client = await connected(url)
      try {
        for (const gate of GATES) await setGate(client, gate, true)
        ours.push(await rate(async () => {
          const results = await importSources(sources, { prefix: 'bench', maxBytes: 100_000_000, clients: [client] })
          const refused = results.find(result => 'code' in result)
          if (refused) throw new Error(JSON.stringify(refused))
        }))
      }
      finally {
        await client.end()
      }
      await plain.query('TRUNCATE piece')
      peer.push(await rate(async () => {
        for (const [source, { bodies }] of files.entries()) {
          await plain.query('INSERT INTO piece (source, position, body) SELECT $1, n, body FROM unnest($2::text[]) WITH ORDINALITY AS b(body, n)', [source, bodies])
        }
      }))
      tell(`round ${round + 1}: imported ${ours.at(-1)!.toFixed(2)} MB/s, inserted ${peer.at(-1)!.toFixed(2)} MB/s`)
    }
  }
  finally {
    await plain.end()
    await closeCutters()
  }
  return { row: `import of ${files.length} documents (${megabytes.toFixed(1)} MB) ÷ plain INSERT of the same bodies`, unit: 'MB/s', ours, peer, ratios: ours.map((value, round) => value / peer[round]!), better: 'more' }
}

export const textRatios = async (cluster: Cluster, options: Options): Promise<Measured[]> => [await reorderRatio(cluster, options), await importRatio(cluster, options)]
