import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A step of the schema's history: three files under one tag. */
export interface Unit {
  /** four digits and a name: `0003_events`; the number is given in order */
  tag: string
  number: number
  /** a schema unit changes objects, a data unit only calls functions */
  kind: 'schema' | 'data'
  migration: string
  rollback: string
  verify: string
  /** SHA-256 of the migration, hex: compared with what was applied */
  hash: string
}

export class UnitError extends Error {}

/** A line of a verify file: what one object must be. */
const EXPECTED = /^ {4}\('((?:[^']|'')+)', '((?:[^']|'')+)', (?:'(?:[^']|'')*'|NULL)\),?$/

/**
 * The verify of each unit as it holds once all of them are applied: what a later unit says of an object
 * takes the place of what an earlier one said. Of what was accepted as it is none says anything.
 */
export function standingVerifies(units: Pick<Unit, 'verify'>[], accepted: { class: string, identity: string }[] = []): string[] {
  const said = new Set(accepted.map(({ class: kind, identity }) => `${kind} ${identity.replaceAll('\'', '\'\'')}`))
  return units.toReversed().map(({ verify }) => {
    const lines = verify.split('\n')
    const expected = lines.filter(line => EXPECTED.test(line))
    const keyOf = (line: string) => EXPECTED.exec(line)!.slice(1).join(' ')
    const standing = expected.filter(line => !said.has(keyOf(line)))
    for (const line of expected) said.add(keyOf(line))
    if (standing.length === expected.length) return verify
    // A list of values cannot be empty: where nothing stands any more there is nothing to verify.
    if (standing.length === 0) return 'SELECT'
    const body = standing.map(line => line.replace(/,$/, '')).join(',\n')
    const first = lines.indexOf(expected[0]!)
    return [...lines.slice(0, first), body, ...lines.slice(first).filter(line => !EXPECTED.test(line))].join('\n')
  }).toReversed()
}

/**
 * Reads every unit under `drizzle/`, in order.
 * @throws {UnitError} when a twin is missing, a number is out of order, or the kind is not declared.
 */
export function readUnits(drizzle: string): Unit[] {
  const list = (folder: string) => readdirSync(join(drizzle, folder)).filter(file => file.endsWith('.sql')).sort()
  const tags = list('migrations').map(file => file.slice(0, -4))
  for (const folder of ['rollbacks', 'verify']) {
    const twins = new Set(list(folder).map(file => file.slice(0, -4)))
    const lonely = [...tags.filter(tag => !twins.has(tag)), ...[...twins].filter(tag => !tags.includes(tag))]
    if (lonely.length) throw new UnitError(`units without their twin in ${folder}/: ${lonely.join(', ')}`)
  }
  return tags.map((tag, index) => {
    const read = (folder: string) => readFileSync(join(drizzle, folder, `${tag}.sql`), 'utf8')
    const migration = read('migrations')
    for (const [folder, text] of [['migrations', migration], ['rollbacks', read('rollbacks')], ['verify', read('verify')]] as const) {
      if (text.includes('\r\n')) throw new UnitError(`drizzle/${folder}/${tag}.sql differs from what was committed in its line ends: Git, or an editor, made them CRLF; the repository's .gitattributes keeps them LF: git rm -r --cached --quiet . && git reset --hard brings every file back as committed (save your changes before)`)
    }
    const number = Number(/^(\d{4})_[a-z0-9_]+$/.exec(tag)?.[1])
    if (number !== index + 1) throw new UnitError(`unit ${tag}: number ${index + 1} is next`)
    const kind = /^-- unit: (schema|data)\n/.exec(migration)?.[1] as Unit['kind'] | undefined
    if (!kind) throw new UnitError(`unit ${tag}: the first line must say "-- unit: schema" or "-- unit: data"`)
    return { tag, number, kind, migration, rollback: read('rollbacks'), verify: read('verify'), hash: createHash('sha256').update(migration).digest('hex') }
  })
}
