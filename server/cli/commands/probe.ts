import { defineCommand } from 'citty'
import { runOrThrow } from '../../commands/carry.ts'
import { faultOf } from '../../db/faults.ts'
import { probeLeftovers } from '../../db/functions/proof.ts'
import type { Scenario } from '../../../shared/read-models/proof.ts'
import { TOKEN, withDatabase } from '../database.ts'
import { EXIT, printable, Refusal, say, sayJson, table } from '../report.ts'

const SIGN = { passed: '✓', failed: '✗', not_run: '–' } as const

/** A scenario in a line, and below it what was found and not expected. */
function lines({ name, status, ms, detail, expected, actual }: Scenario): string[] {
  const differing = actual ? Object.keys(expected).filter(key => JSON.stringify(expected[key]) !== JSON.stringify(actual[key])) : []
  return [
    `${SIGN[status]} ${name} (${ms.toFixed(1)} ms)`,
    ...(detail ? [`  ${printable(detail)}`] : []),
    ...(status === 'failed' ? differing.map(key => `  ${key}: want ${JSON.stringify(expected[key])}, have ${printable(JSON.stringify(actual![key]) ?? 'nothing')}`) : []),
  ]
}

export default defineCommand({
  meta: { name: 'probe', description: 'try the eight scenarios A to H on the live schema, all of it taken back, and show that nothing is left' },
  args: { json: { type: 'boolean', description: 'one JSON document' } },
  run: ({ args }) => withDatabase(async (client) => {
    // Whatever holds it up, it does not hold on.
    await client.query(`SET statement_timeout = '5s'`)
    const receipt = await runOrThrow(client, { command: 'dot_iu_run_probe', mode: 'apply', token: TOKEN }).catch((error: Error) => {
      if (faultOf(error) !== 'timeout') throw error
      throw new Refusal('the probe was cut off after 5 seconds, and all of it is taken back: another session holds what it needs; try again when that has ended', EXIT.failed)
    })
    const { passed, ms } = receipt.result as { passed: number, ms: number }
    const scenarios = receipt.checks!.filter(({ kind }) => kind === 'probe') as unknown as Scenario[]
    // In transactions of their own, when the probe's is over.
    const verified = await runOrThrow(client, { command: receipt.command, mode: 'verify', run: receipt.run, token: TOKEN })
    const leftovers = await probeLeftovers(client, receipt.checks!.find(({ kind }) => kind === 'probe_left')!.drawn)
    const left = leftovers.reduce((sum, { rows }) => sum + rows, 0)
    if (args.json) {
      sayJson({ run: receipt.run, passed, scenarios, ms, leftovers, left, verified: verified.status === 'verified', results: verified.results })
    }
    else {
      say([
        ...scenarios.flatMap(lines), '', table(['TABLE', 'ROWS LEFT'], leftovers.map(({ relation, rows }) => [relation, String(rows)])), '',
        `${passed} of ${scenarios.length} passed in ${ms.toFixed(0)} ms; ${left === 0 ? 'nothing is left' : `${left} rows are left`} (run ${receipt.run})`,
      ].join('\n'))
    }
    if (left > 0 || scenarios.some(({ status }) => status === 'failed')) process.exitCode = EXIT.failed
    else if (verified.status !== 'verified') process.exitCode = EXIT.partly
  }),
})
