import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineCommand } from 'citty'
import type { Client } from 'pg'
import { readCatalogue, schemaText } from '../../deploy/catalogue.ts'
import { acceptedText, bootstrap, BootstrapError, DRIZZLE, enterDeployerAnew, planDeploy, planRollback, readAccepted, readUnits, rollbackUnits, verifyUnits } from '../../deploy/index.ts'
import { type HistoryState, sealLedger, verifyHistory, verifyLedger } from '../../db/functions/ledger.ts'
import { checkWorks, type Miscount, recountAccounting } from '../../db/functions/proof.ts'
import { BACKUPS, backupKind, withDatabase } from '../database.ts'
import { deployHere } from '../deploying.ts'
import { count, EXIT, note, printable, Refusal, say, sayJson } from '../report.ts'
import { deployPlanLines, historyLine, holds, rollbackPlanLines } from '../units.ts'
import { backup, restore } from './backup.ts'

const json = { json: { type: 'boolean', description: 'one JSON document' } } as const
const plan = { type: 'boolean', description: 'try it, say what it comes to, and take all of it back' } as const

const tell = (asJson: boolean | undefined, word: string, tags: string[]) =>
  asJson ? sayJson({ [word]: tags }) : say(tags.length ? `${word}: ${tags.join(', ')}` : `nothing to be ${word}`)

interface Verified { verified: string[], error?: string }

/** What the units' verification came to, in lines. */
const unitLines = ({ verified, error }: Verified) => error === undefined ? verified.map(tag => `✓ ${tag}`) : error.split('\n').map(line => `✗ ${printable(line)}`)

interface Recounted { events?: number, miscounts: Miscount[], error?: string }

/** What the recount came to, in a line. */
function recountLine({ events, miscounts, error }: Recounted): string {
  if (error !== undefined) return `✗ accounting: ${printable(error)}`
  if (miscounts.length) return `✗ accounting: ${miscounts.map(({ field, audited, counted }) => `${field} is ${audited} by the audit, ${counted} by counting every row`).join('; ')}`
  return `✓ accounting: ${count(events!, 'event')}, as counting every row gives`
}

type Proved = HistoryState | { ok: false, problems: string[], error: string }

/** The chain walked and the history recounted against it; a database before its sealer has neither. */
async function proveHistory(client: Client): Promise<Proved> {
  try {
    await sealLedger(client)
    const [chain, history] = [await verifyLedger(client), await verifyHistory(client)]
    return { ...history, ok: chain.ok && history.ok, problems: [...chain.problems, ...history.problems] }
  }
  catch (error) {
    return { ok: false, problems: [], error: (error as Error).message }
  }
}

/** What the proof came to, in lines. */
const provedLines = (proved: Proved): string[] => 'error' in proved ? [`✗ history: ${printable(proved.error)}`] : [...proved.problems.map(problem => `✗ ${printable(problem)}`), historyLine(proved)]

export default defineCommand({
  meta: { name: 'db', description: 'deploy the schema, verify it, roll it back; back the database up and restore it' },
  subCommands: {
    bootstrap: defineCommand({
      meta: { name: 'bootstrap', description: 'make the roles of the cluster, and take from PUBLIC what it has in this database (prints the SQL where the login may not)' },
      run: () => withDatabase(async (client) => {
        try {
          const left = await bootstrap(client)
          await enterDeployerAnew(client)
          say('roles and grants are in place')
          if (left) {
            note('this login may not take from PUBLIC what every login has in this database; an administrator has to run the SQL below')
            say(left)
          }
        }
        catch (error) {
          if (!(error instanceof BootstrapError)) throw error
          if (error.sql) say(error.sql)
          throw new Refusal(error.message)
        }
      }),
    }),
    deploy: defineCommand({
      meta: { name: 'deploy', description: 'apply the units that the database lacks; over data only behind its gates, of which a backup is one' },
      args: {
        ...json,
        'to': { type: 'string', description: 'the newest unit to apply' },
        plan,
        'backup-to': { type: 'string', description: `first back it up into this folder (the embedded database always is: ${BACKUPS})` },
      },
      run: ({ args }) => withDatabase(async (client) => {
        if (!args.plan) {
          const backupTo = args['backup-to'] ?? (backupKind() === 'copy' ? BACKUPS : undefined)
          const done = await deployHere(client, { to: args.to, backupTo, kind: backupKind(), onStep: note })
          return args.json ? sayJson(done) : tell(false, 'deployed', done.deployed)
        }
        const planned = await planDeploy(client, readUnits(DRIZZLE), { to: args.to, onUnit: unit => note(`trying ${unit.tag}`) })
        if (args.json) sayJson(planned)
        else say(deployPlanLines(planned).join('\n'))
        if (!holds(planned)) process.exitCode = EXIT.failed
      }, { deploys: false }),
    }),
    backup,
    restore,
    verify: defineCommand({
      meta: { name: 'verify', description: 'check every applied unit against the live database, W1 to W9: whether it works, the accounting against a count of every row, and the history against what was sealed of it' },
      args: json,
      run: ({ args }) => withDatabase(async (client) => {
        // A unit that is not as deployed must not keep the other checks from being told.
        const units: Verified = await verifyUnits(client, readUnits(DRIZZLE)).then(tags => ({ verified: tags }), (error: Error) => ({ verified: [], error: error.message }))
        const accepted = await readAccepted(client)
        const works = await checkWorks(client)
        const accounting: Recounted = await recountAccounting(client).catch((error: Error) => ({ miscounts: [], error: error.message }))
        const history = await proveHistory(client)
        if (args.json) sayJson({ ...units, accepted, works, accounting, history })
        else say([...unitLines(units), ...accepted.map(one => `! not as deployed: ${printable(acceptedText(one))}`), ...works.map(({ code, name, ok, detail }) => `${ok ? '✓' : '✗'} ${code} ${name}: ${printable(detail)}`), recountLine(accounting), ...provedLines(history)].join('\n'))
        if (units.error !== undefined || works.some(({ ok }) => !ok) || accounting.error !== undefined || accounting.miscounts.length || !history.ok) process.exitCode = EXIT.failed
      }),
    }),
    rollback: defineCommand({
      meta: { name: 'rollback', description: 'undo the newest units; refuses where history would be lost' },
      args: { ...json, to: { type: 'string', required: true, description: 'the unit to keep as the newest, or "nothing"' }, plan },
      run: ({ args }) => withDatabase(async (client) => {
        const to = args.to === 'nothing' ? undefined : args.to
        const onUnit = (unit: { tag: string }) => note(`${args.plan ? 'trying to undo' : 'rolling back'} ${unit.tag}`)
        if (!args.plan) return tell(args.json, 'rolled back', await rollbackUnits(client, readUnits(DRIZZLE), to, onUnit))
        const planned = await planRollback(client, readUnits(DRIZZLE), to, onUnit)
        if (args.json) sayJson(planned)
        else say(rollbackPlanLines(planned).join('\n'))
        if (planned.destroys.length || planned.refusal) process.exitCode = EXIT.refused
      }, { deploys: false }),
    }),
    dump: defineCommand({
      meta: { name: 'dump', description: 'the live schema as one text (drizzle/schema.sql is the one of the newest unit)' },
      run: () => withDatabase(async client => void process.stdout.write(schemaText(await readCatalogue(client)))),
    }),
    draft: defineCommand({
      meta: { name: 'draft', description: 'draft a unit from what the definitions have and the units lack, and write schema.sql anew' },
      args: {
        tag: { type: 'positional', required: true, description: 'name of the unit, without its number' },
        areas: { type: 'string', description: 'only these areas of drizzle/definitions, comma-separated' },
      },
      run: ({ args }) => withDatabase(async (client) => {
        const { draftUnit, NOTHING } = await import('../../deploy/draft.ts')
        const { readDefinitions } = await import('../../deploy/definitions.ts')
        const { catalogueOf } = await import('../../deploy/scratch.ts')
        const { registrySql } = await import('../registry.ts')
        const { closedFunctionsSql, principalsSql } = await import('../../deploy/principals.ts')
        writeFileSync(join(DRIZZLE, 'definitions/commands/data/registry.sql'), registrySql())
        writeFileSync(join(DRIZZLE, 'definitions/conformance/functions/fn_dot_principals_expected.sql'), principalsSql())
        writeFileSync(join(DRIZZLE, 'definitions/conformance/functions/fn_dot_closed_functions.sql'), closedFunctionsSql())
        const units = readUnits(DRIZZLE)
        const definitions = readDefinitions(DRIZZLE)
        const wanted = await catalogueOf(client, definitions.map(definition => definition.sql))
        const draft = draftUnit(await catalogueOf(client, units.map(unit => unit.migration)), wanted, definitions, args.areas?.split(','))
        writeFileSync(join(DRIZZLE, 'schema.sql'), schemaText(wanted))
        if (draft.migration === NOTHING) return say('nothing to draft: the units build what the definitions build')
        const tag = `${String(units.length + 1).padStart(4, '0')}_${args.tag}`
        for (const [folder, sql] of [['migrations', draft.migration], ['rollbacks', draft.rollback], ['verify', draft.verify]] as const) {
          writeFileSync(join(DRIZZLE, folder, `${tag}.sql`), sql, { flag: 'wx' })
        }
        say(`drafted ${tag}: read its three files before you commit them`)
      }),
    }),
  },
})
