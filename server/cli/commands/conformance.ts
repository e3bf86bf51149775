import { defineCommand } from 'citty'
import { type Comparison, readComparison } from '../../db/queries/conformance.ts'
import type { ConformanceCheck, DriftObject } from '../../../shared/read-models/conformance.ts'
import { reading } from '../database.ts'
import { EXIT, explain, printable, say, sayJson, table } from '../report.ts'

/** Of a comparison: what is unknown is no pass, and no drift either. */
const STATUS: Record<Comparison['state'], number> = { matches: EXIT.done, drift: EXIT.failed, unknown: EXIT.refused }

const checkRow = ({ code, class: kind, expected, present, missing, unexpected, changed, unknown, ok }: ConformanceCheck) =>
  [code, kind, ...[expected, present, missing, unexpected, changed, unknown].map(String), ok ? 'ok' : unknown && !(missing + unexpected + changed) ? 'unknown' : 'drift']

/** Each line of what may have many: a definition must not reach the terminal unescaped. */
const indented = (text: string) => text.split('\n').map(line => `    ${printable(line)}`)

const objectLines = ({ state, class: kind, identity, suggestedAction, statement }: DriftObject) =>
  ['', `✗ ${state} ${kind} ${printable(identity)}`, `  ${printable(suggestedAction)}`, ...(statement ? indented(statement) : [])]

/** What the page says above everything. */
function headline({ state, summary, digest, why }: Comparison): string[] {
  return [`${{ matches: '✓', drift: '✗', unknown: '? unknown:' }[state]} ${summary}${digest ? ` · catalogue ${digest}` : ''}`, ...(why ? [`  ${printable(why)}`] : [])]
}

export default defineCommand({
  meta: { name: 'conformance', description: 'hold the live schema against what was deployed: 0 all matches, 1 drift, 2 it could not be asked, 3 it is unknown' },
  args: { json: { type: 'boolean', description: 'one JSON document' } },
  async run({ args }) {
    try {
      // Whoever looks changes nothing: pending units are not deployed, and drift would keep them from being.
      const compared = await reading(readComparison, { isolation: 'READ COMMITTED', deploys: false })
      if (args.json) {
        sayJson(compared)
      }
      else {
        say([
          table(['CHECK', 'CLASS', 'EXPECTED', 'PRESENT', 'MISSING', 'UNEXPECTED', 'CHANGED', 'UNKNOWN', 'STATE'], compared.checks.map(checkRow)),
          ...compared.objects.flatMap(objectLines), '', ...headline(compared),
        ].join('\n'))
      }
      process.exitCode = STATUS[compared.state]
    }
    catch (error) {
      // 1 is drift and nothing else: a database that does not answer must not be taken for one that has drifted.
      explain(error, Boolean(args.json), 'iu conformance')
      process.exitCode = EXIT.usage
    }
  },
})
