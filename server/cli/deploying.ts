import type { Client } from 'pg'
import { recordBackup } from '../backup/evidence.ts'
import type { Kind } from '../backup/manifest.ts'
import { takeBackup, type Tried } from '../backup/take.ts'
import { deployUnits, DRIZZLE, readUnits } from '../deploy/index.ts'
import { examineGates, type Gate, outlook, tryAlone } from '../deploy/gates.ts'
import type { Unit } from '../deploy/units.ts'
import { madeFolder, PRIVATE } from './files.ts'
import { printable, Refusal } from './report.ts'

export interface DeployHere {
  to?: string
  /** where to put a backup first, where there are data; without it one must be on record */
  backupTo?: string
  kind: Kind
  onStep: (line: string) => void
  units?: Unit[]
}

export interface Deployed { deployed: string[], /** empty where there was nothing to lose */ gates: Gate[] }

const gateLine = ({ name, ok, detail, remedy }: Gate): string => `${ok ? '✓' : '✗'} ${name}: ${printable(detail)}${remedy ? ` → ${remedy}` : ''}`

/** Says whether a backup can be restored, check by check. */
export const checkLines = ({ checks }: Tried): string[] => checks.map(({ name, ok, detail }) => `${ok ? '✓' : '✗'} ${name}: ${printable(detail)}`)

/**
 * Brings the connected database to this checkout's newest unit, or to `to`. Over data it goes through its gates first.
 * @throws {Refusal} when one of them is closed; nothing was deployed then
 */
export async function deployHere(client: Client, { to, backupTo, kind, onStep, units = readUnits(DRIZZLE) }: DeployHere): Promise<Deployed> {
  const onUnit = (unit: { tag: string }) => onStep(`deploying ${unit.tag}`)
  const { pending, disagreement, data } = await outlook(client, units, to)
  // Where nothing can be lost somebody else's deploy is waited for.
  if (!data.length || (!pending.length && !disagreement)) return { deployed: await deployUnits(client, units, { to, onUnit }), gates: [] }
  return tryAlone(client, async (isAlone) => {
    onStep(`there are ${data.join(', ')} in this database: what must hold before units are applied over them`)
    const taken = backupTo !== undefined && isAlone && !disagreement ? await takeBackup(client, { folder: madeFolder('backup-to', backupTo, PRIVATE), kind, units, onStep }) : undefined
    const gates = await examineGates(client, units, { to, isAlone, inHand: taken && { file: taken.backup.path, isRestorable: taken.isRestorable } })
    for (const gate of gates) onStep(gateLine(gate))
    const closed = gates.filter(({ ok }) => !ok)
    if (closed.length) {
      const why = taken && !taken.isRestorable ? checkLines(taken).filter(line => line.startsWith('✗')) : []
      throw new Refusal([`nothing was deployed: ${closed.map(({ name }) => name).join(', ')} ${closed.length === 1 ? 'does' : 'do'} not hold`, ...closed.map(gateLine), ...why].join('\n    '))
    }
    const deployed = await deployUnits(client, units, { to, onUnit })
    // The units that keep evidence may have come with this deploy.
    if (taken && taken.evidence === undefined) await recordBackup(client, taken.backup, taken.checks)
    return { deployed, gates }
  })
}
