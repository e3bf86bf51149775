import { defineCommand } from 'citty'
import { sealLedger, verifyHistory, verifyLedger } from '../../db/functions/ledger.ts'
import { readLedger, readRun } from '../../db/queries/operations.ts'
import type { Receipt } from '../../../shared/commands/receipt.ts'
import { ledgerQuery, runQuery } from '../../../shared/read-models/ledger.ts'
import { reading, withDatabase } from '../database.ts'
import { tell } from '../receipt.ts'
import { count, EXIT, note, printable, Refusal, say, sayJson, table } from '../report.ts'
import { historyLine } from '../units.ts'

const json = { json: { type: 'boolean', description: 'one JSON document' } } as const

export default defineCommand({
  meta: { name: 'ledger', description: 'read the ledger, and prove that it is whole' },
  subCommands: {
    list: defineCommand({
      meta: { name: 'list', description: 'the newest runs, 50 at a time' },
      args: {
        command: { type: 'string', description: 'of this command' },
        actor: { type: 'string', description: 'of this actor' },
        status: { type: 'string', description: 'planned, succeeded, verified, unverified, refused, failed' },
        mode: { type: 'string', description: 'plan, apply, verify, rollback' },
        object: { type: 'string', description: 'that touched this object, as unit:ADDRESS' },
        after: { type: 'string', description: 'older than this run' },
        ...json,
      },
      async run({ args }) {
        const { command, actor, status, mode, object, after } = args
        const query = ledgerQuery.safeParse({ command, actor, status, mode, object, after })
        if (!query.success) throw new Refusal(query.error.issues.map(issue => `--${issue.path.join('.')}: ${issue.message}`).join('\n'), EXIT.usage)
        const ledger = await reading(db => readLedger(db, query.data))
        if (args.json) return sayJson(ledger)
        say(table(['RUN', 'COMMAND', 'MODE', 'STATUS', 'ACTOR', 'OBJECT', 'WHEN'], ledger.rows.map(row => [
          String(row.runId), row.command, row.mode, row.code ? `${row.status}: ${row.code}` : row.outcome && row.status === 'succeeded' ? row.outcome.replaceAll('_', ' ') : row.status, row.actor, `${row.firstObject ?? ''}${row.objects > 1 ? ` +${row.objects - 1}` : ''}`, row.finishedAt])))
        if (ledger.next) note(`more: --after ${ledger.next}`)
      },
    }),
    show: defineCommand({
      meta: { name: 'show', description: 'one run with its receipt' },
      args: { run: { type: 'positional', required: true, description: 'its number' }, ...json },
      async run({ args }) {
        const query = runQuery.safeParse({ id: args.run })
        if (!query.success) throw new Refusal(`"${args.run}" is not a run's number`, EXIT.usage)
        const run = await reading(db => readRun(db, Number(query.data.id)))
        if (args.json) return sayJson(run)
        say([
          tell(run.receipt as Receipt),
          `  ${run.finishedAt} by ${run.actor}${run.reason ? `: ${printable(run.reason)}` : ''}`,
          ...(run.verifyStatus ? [`  verification: ${run.verifyStatus}${run.verifyRunId ? ` by run ${run.verifyRunId}` : ''}`] : []),
          ...(run.undoneByRunId ? [`  undone by run ${run.undoneByRunId}`] : []),
        ].join('\n'))
      },
    }),
    seal: defineCommand({
      meta: { name: 'seal', description: 'chain what is not chained yet (consoles, iu worker and iu command do so themselves)' },
      args: json,
      run: ({ args }) => withDatabase(async (client) => {
        const sealed = await sealLedger(client)
        if (args.json) sayJson({ sealed })
        else say(`sealed ${count(sealed.runs, 'run')} and ${count(sealed.history, 'row')} of history`)
      }),
    }),
    verify: defineCommand({
      meta: { name: 'verify', description: 'walk the chain, recount the history against it, and compare the chain with a head exported earlier' },
      args: { head: { type: 'string', description: 'SHA-256 in hex, as an earlier verify printed it' }, ...json },
      run: ({ args }) => withDatabase(async (client) => {
        await sealLedger(client)
        if (args.head !== undefined && !/^[0-9a-f]{64}$/.test(args.head)) throw new Refusal(`--head: "${args.head}" is no SHA-256 in hex: give the one that an earlier verify printed`, EXIT.usage)
        const state = await verifyLedger(client, args.head)
        const history = await verifyHistory(client)
        const ok = state.ok && history.ok
        if (args.json) sayJson({ ...state, ok, history })
        else say([
          ...[...state.problems, ...history.problems].map(problem => `✗ ${printable(problem)}`),
          `${state.ok ? '✓ ' : ''}ledger: ${count(state.sealed, 'run')} sealed, ${state.unsealed} waiting`,
          historyLine(history),
          ...(state.head ? [`head ${state.head}`] : []),
        ].join('\n'))
        if (!ok) process.exitCode = EXIT.failed
      }),
    }),
  },
})
