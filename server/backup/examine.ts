import type { Client } from 'pg'
import { recountAccounting } from '../db/functions/proof.ts'
import { acceptedNote, readAccepted, readDrift, verifyUnits } from '../deploy/index.ts'
import type { Unit } from '../deploy/units.ts'
import type { Manifest } from './manifest.ts'
import { listTables } from './tables.ts'

/** One thing that was looked at in a restored database. */
export interface Check { name: 'restored' | 'rows' | 'units' | 'conformance' | 'accounting', ok: boolean, detail: string }

/** Rows of each of our tables, as the transaction under way sees them. */
export async function countRows(client: Client): Promise<Record<string, number>> {
  const rows: Record<string, number> = {}
  for (const { table } of await listTables(client)) {
    rows[table] = (await client.query<{ n: number }>(`SELECT count(*)::float8 AS n FROM ${table}`)).rows[0]!.n
  }
  return rows
}

async function checkRows(client: Client, of: Manifest): Promise<Omit<Check, 'name'>> {
  const found = await countRows(client)
  const wrong = [...new Set([...Object.keys(of.rows), ...Object.keys(found)])].filter(table => of.rows[table] !== found[table])
  const total = Object.values(found).reduce((sum, count) => sum + count, 0)
  return { ok: wrong.length === 0, detail: wrong.map(table => `${table} has ${found[table] ?? 'no'} rows, and had ${of.rows[table] ?? 'none'}`).join('; ') || `${total} rows in ${Object.keys(found).length} tables` }
}

async function checkUnits(client: Client, of: Manifest, units: Unit[]): Promise<Omit<Check, 'name'>> {
  const tags = await verifyUnits(client, units)
  return { ok: tags.at(-1) === of.tag, detail: `${tags.length} units up to ${tags.at(-1)} hold in their verify` }
}

async function checkConformance(client: Client): Promise<Omit<Check, 'name'>> {
  const drift = await readDrift(client)
  if (!drift) return { ok: true, detail: 'this schema has no inventory yet: its units tell' }
  return { ok: drift.length === 0, detail: `${drift.join('; ') || 'drift 0'}${acceptedNote(await readAccepted(client))}` }
}

async function checkAccounting(client: Client): Promise<Omit<Check, 'name'>> {
  const { rows: [row] } = await client.query<{ there: boolean }>(`SELECT to_regclass('iu_core.v_iu_accounting_recount') IS NOT NULL AS there`)
  if (!row!.there) return { ok: true, detail: 'this schema has no audit yet' }
  const { events, unexplained, miscounts } = await recountAccounting(client)
  return {
    ok: unexplained === 0 && miscounts.length === 0,
    detail: [`${events} events, unexplained ${unexplained}`, ...miscounts.map(({ field, audited, counted }) => `${field} is ${audited} by the audit, ${counted} by counting every row`)].join('; '),
  }
}

/** Holds a restored database against what its backup says, and against its own schema. Whatever goes wrong is a check that fails. */
export async function examine(client: Client, of: Manifest, units: Unit[]): Promise<Check[]> {
  // Without statistics, counting every event would walk in circles.
  await client.query(`ANALYZE ${(await listTables(client)).map(({ table }) => table).join(', ')}`)
  const look = async (name: Check['name'], work: () => Promise<Omit<Check, 'name'>>): Promise<Check> =>
    work().then(found => ({ name, ...found }), (error: Error) => ({ name, ok: false, detail: error.message }))
  return [
    { name: 'restored', ok: true, detail: `as a schema of ${of.tag}` },
    await look('rows', () => checkRows(client, of)),
    await look('units', () => checkUnits(client, of, units)),
    await look('conformance', () => checkConformance(client)),
    await look('accounting', () => checkAccounting(client)),
  ]
}
