/** The kind `copy`: tables and sequences, one after the other, in one gzip, as COPY spells them. */
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import type { Client } from 'pg'
import { copyIn, copyOut } from './copy-protocol.ts'
import { type Backup, BackupRefused } from './manifest.ts'
import type { TarWriter } from './tar.ts'

/** COPY's own mark of the end, which no row of it can be. */
const END = '\\.'
const BATCH = 1 << 16

/** A line before the rows of a table. */
interface TableHead { table: string, columns: string[] }
/** All there is of a sequence. */
interface SequenceHead { sequence: string, value: string, isCalled: boolean }

/** A trigger that a command switched off: the only thing of the schema that is not as its units make it. */
interface TriggerHead { disabled: string, table: string }
type Head = TableHead | SequenceHead | TriggerHead

async function listDisabled(client: Client): Promise<TriggerHead[]> {
  const { rows } = await client.query<TriggerHead>(`
    SELECT quote_ident(tgname) AS disabled, tgrelid::regclass::text AS "table" FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
    WHERE c.relnamespace = 'iu_core'::regnamespace AND t.tgenabled = 'D' AND NOT t.tgisinternal ORDER BY 1, 2`)
  return rows
}

/** Our tables in the connected database, with the columns that are stored (and not computed from others). */
export async function listTables(client: Client): Promise<TableHead[]> {
  const { rows } = await client.query<TableHead>(`
    SELECT format('%I.%I', n.nspname, c.relname) AS "table", array_agg(quote_ident(a.attname) ORDER BY a.attnum)::text[] AS columns
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    WHERE n.nspname IN ('iu_core', 'iu_deploy') AND c.relkind = 'r' GROUP BY n.nspname, c.relname ORDER BY 1`)
  return rows
}

async function listSequences(client: Client): Promise<SequenceHead[]> {
  const { rows } = await client.query<{ sequence: string }>(`
    SELECT format('%I.%I', n.nspname, c.relname) AS sequence FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname IN ('iu_core', 'iu_deploy') AND c.relkind = 'S' ORDER BY 1`)
  const heads: SequenceHead[] = []
  for (const { sequence } of rows) {
    const { rows: [state] } = await client.query<{ value: string, isCalled: boolean }>(`SELECT last_value::text AS value, is_called AS "isCalled" FROM ${sequence}`)
    heads.push({ sequence, ...state! })
  }
  return heads
}

/** Where events are kept as they were emitted, also before there was a bound. */
const PAYLOADS = ['iu_core.event_outbox', 'iu_core.iu_route_dead_letter']
/**
 * A payload with a number of which a few bytes are a hundred thousand characters: some thousands of them are more than a row can
 * have. It is not written out; small ones are not even looked at. In terms that every version of the schema and the server knows.
 */
const UNWRITABLE = `pg_column_size(payload) > 200
  AND EXISTS (SELECT FROM jsonb_path_query(payload, 'strict $.** ? (@.type() == "number")') AS n(number) WHERE scale(number::numeric) > 500 OR abs(number::numeric) >= 1e500)`
const STAND_IN = `CASE WHEN ${UNWRITABLE} THEN jsonb_build_object('not_written_out', 'a number of more than 500 digits', 'bytes', pg_column_size(payload)) ELSE payload END`

/** How many events a backup has without their payloads. */
export async function countUnwritable(client: Client): Promise<number> {
  const { rows: [row] } = await client.query<{ n: number }>(`SELECT count(*)::float8 AS n FROM iu_core.event_outbox WHERE ${UNWRITABLE}`)
  return row!.n
}

/** What COPY takes the rows of a table from. */
function sourceOf({ table, columns }: TableHead): string {
  if (!PAYLOADS.includes(table)) return `${table} (${columns.join(', ')})`
  return `(SELECT ${columns.map(column => column === 'payload' ? STAND_IN : column).join(', ')} FROM ${table})`
}

/** The lines of the file, as the transaction under way sees the tables. */
async function* contents(client: Client, tables: TableHead[], others: Head[]): AsyncGenerator<Buffer> {
  const line = (text: string) => Buffer.from(`${text}\n`)
  for (const head of tables) {
    yield line(JSON.stringify(head))
    yield* copyOut(client, `COPY ${sourceOf(head)} TO STDOUT`)
    yield line(END)
  }
  for (const head of others) yield line(JSON.stringify(head))
}

/** Writes all of it, as the transaction under way sees it. @returns the number of tables and sequences */
export async function dumpTables(client: Client, writer: TarWriter): Promise<number> {
  const tables = await listTables(client)
  const sequences = await listSequences(client)
  const disabled = await listDisabled(client)
  await pipeline(contents(client, tables, [...sequences, ...disabled]), createGzip(), async (packed: AsyncIterable<Buffer>) => {
    for await (const chunk of packed) await writer.write(chunk)
  })
  return tables.length + sequences.length
}

/** The lines of a backup's data. */
async function* linesOf({ path, from, size }: Backup): AsyncGenerator<Buffer> {
  const unpacked = createGunzip({ chunkSize: BATCH })
  // A file that cannot be read ends the unpacking with its error.
  const file = createReadStream(path, { start: from, end: from + size - 1 })
  file.once('error', error => unpacked.destroy(error)).pipe(unpacked)
  // A row may be many chunks long: they are joined once.
  let begun: Buffer[] = []
  for await (const chunk of unpacked as AsyncIterable<Buffer>) {
    let start = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      const rest = chunk.subarray(start, end + 1)
      yield begun.length ? Buffer.concat([...begun, rest]) : rest
      begun = []
      start = end + 1
    }
    if (start < chunk.length) begun.push(chunk.subarray(start))
  }
  if (begun.length) throw new BackupRefused('the backup ends in the middle of a line')
}

/** The rows of one table, in pieces large enough to be worth a message. */
async function* rowsOf(lines: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  let batch: Buffer[] = []
  let bytes = 0
  for (;;) {
    const { value: line, done } = await lines.next()
    if (done) throw new BackupRefused('the backup ends in the middle of a table')
    const isEnd = line.length === END.length + 1 && line.toString() === `${END}\n`
    if (!isEnd) bytes += batch[batch.push(line) - 1]!.length
    if (bytes >= BATCH || (isEnd && bytes)) {
      yield Buffer.concat(batch)
      batch = []
      bytes = 0
    }
    if (isEnd) return
  }
}

/**
 * Puts a backup's rows into tables that its units have just made, in a transaction of its own: no trigger speaks, and rows
 * come as they were. It needs a login that may set session_replication_role.
 */
export async function loadTables(client: Client, backup: Backup): Promise<void> {
  await client.query('BEGIN')
  try {
    await client.query('SET LOCAL session_replication_role = replica')
    await client.query('SET LOCAL ROLE iu_owner')
    await load(client, backup)
    await client.query('COMMIT')
  }
  catch (error) {
    await client.query('ROLLBACK')
    throw error
  }
}

async function load(client: Client, backup: Backup): Promise<void> {
  const tables = await listTables(client)
  // What the units wrote. A table that keeps history has nothing yet, and would refuse to be emptied.
  for (const { table } of tables) {
    if ((await client.query(`SELECT FROM ${table} LIMIT 1`)).rowCount) await client.query(`DELETE FROM ${table}`)
  }
  const known = new Set(tables.map(({ table }) => table))
  const lines = linesOf(backup)
  for (let next = await lines.next(); !next.done; next = await lines.next()) {
    const head = JSON.parse(next.value.toString()) as Head
    if ('sequence' in head) await client.query('SELECT setval($1::regclass, $2, $3)', [head.sequence, head.value, head.isCalled])
    else if ('disabled' in head) await client.query(`ALTER TABLE ${head.table} DISABLE TRIGGER ${head.disabled}`)
    else if (!known.has(head.table)) throw new BackupRefused(`the backup has a table ${head.table}, which its units do not make`)
    else await copyIn(client, `COPY ${head.table} (${head.columns.join(', ')}) FROM STDIN`, rowsOf(lines))
  }
}
