import { defineCommand } from 'citty'
import { type Comparison, readComparison } from '../../db/queries/conformance.ts'
import { wordOfCheck } from '../../../shared/check-word.ts'
import { NOT_COMPARED } from '../../../shared/not-compared.ts'
import type { AcceptedObject, ConformanceCheck, DriftObject } from '../../../shared/read-models/conformance.ts'
import { reading } from '../database.ts'
import { hasColors } from '../output.ts'
import { EXIT, explain, printable, say, sayJson, table } from '../report.ts'

/** Of a comparison: what is unknown is no pass, and no drift either; what was accepted is no drift. */
const STATUS: Record<Comparison['state'], number> = { matches: EXIT.done, accepted: EXIT.done, drift: EXIT.failed, unknown: EXIT.refused }
const SIGN: Record<Comparison['state'], string> = { matches: '✓', accepted: '!', drift: '✗', unknown: '? unknown:' }

const yellow = (text: string): string => hasColors() ? `\u001B[33m${text}\u001B[39m` : text

const checkRow = (check: ConformanceCheck) => {
  const { code, class: kind, expected, matching, accepted, missing, unexpected, changed, unknown } = check
  return [code, kind, ...[expected, matching, accepted, missing, unexpected, changed, unknown].map(String), wordOfCheck(check)]
}

/** Each line of what may have many: a definition must not reach the terminal unescaped. */
const indented = (text: string) => text.split('\n').map(line => `    ${printable(line)}`)

const objectLines = ({ state, class: kind, identity, digest, suggestedAction, statement }: DriftObject) =>
  ['', `✗ ${state} ${kind} ${printable(identity)}`, `  ${printable(suggestedAction)}`, ...(statement ? indented(statement) : []), ...(digest ? [`  digest ${digest}`] : [])]

const acceptedLines = ({ state, class: kind, identity, owner, reason, acceptedBy, acceptedAt, expiresAt }: AcceptedObject) => ['', ...[
  `! accepted: ${state} ${kind} ${printable(identity)}`,
  `  until ${expiresAt}; answered for by ${printable(owner)}; accepted by ${printable(acceptedBy)} at ${acceptedAt}`,
  ...reason.split('\n').map(line => `  ${printable(line)}`),
].map(yellow)]

/** What the page says above everything. */
function headline({ state, summary, digest, why }: Comparison): string[] {
  const line = `${SIGN[state]} ${summary}${digest ? ` · catalogue ${digest}` : ''}`
  return [state === 'accepted' ? yellow(line) : line, ...(why ? [`  ${printable(why)}`] : [])]
}

export default defineCommand({
  meta: { name: 'conformance', description: 'hold the live schema against what was deployed: 0 all matches or was accepted, 1 drift, 2 it could not be asked, 3 it is unknown' },
  args: { json: { type: 'boolean', description: 'one JSON document' } },
  async run({ args }) {
    try {
      // Whoever looks changes nothing: pending units are not deployed, and drift would keep them from being.
      const compared = await reading(readComparison, { isolation: 'READ COMMITTED', deploys: false })
      if (args.json) {
        sayJson({ ...compared, not_compared: NOT_COMPARED })
      }
      else {
        say([
          table(['CHECK', 'CLASS', 'EXPECTED', 'MATCHES', 'ACCEPTED', 'MISSING', 'UNEXPECTED', 'CHANGED', 'UNKNOWN', 'STATE'], compared.checks.map(checkRow)),
          ...compared.objects.flatMap(objectLines), ...compared.accepted.flatMap(acceptedLines), '', ...headline(compared),
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
