/**
 * `npm run bench [-- --rounds N] [--events N] [--no-scale] [--json]`: every speed that we claim, as a ratio against a peer, a limit or
 * `select 1` in one interleaved run on one durable PostgreSQL. Only ratios within a run count: machines drift.
 */
import { parseArgs } from 'node:util'
import { openCluster } from './cluster.ts'
import { drainRatios } from './drain.ts'
import { enqueueRatios } from './enqueue.ts'
import { latencyRatios } from './latency.ts'
import { passRatios } from './passes.ts'
import { summary, table } from './report.ts'
import { scaleRatios } from './scale.ts'
import { sealRatios } from './seal.ts'
import { textRatios } from './texts.ts'

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '3' }, events: { type: 'string', default: '50000' }, scale: { type: 'boolean', default: true }, json: { type: 'boolean', default: false } }, allowNegative: true })
const [rounds, events] = [Number(values.rounds), Number(values.events)]
if (!(Number.isInteger(rounds) && rounds > 0 && Number.isInteger(events) && events >= 10_000)) {
  console.error('--rounds: a whole number from 1; --events: a whole number from 10,000')
  process.exit(2)
}

const cluster = await openCluster()
try {
  const options = { rounds, events, tell: (line: string) => console.error(line) }
  const rows = [...await drainRatios(cluster, options), ...await passRatios(cluster, options), ...await sealRatios(cluster, options), ...await latencyRatios(cluster, options), ...await enqueueRatios(cluster, options), ...await textRatios(cluster, options), ...values.scale ? await scaleRatios(cluster, options) : []]
  console.log(values.json ? JSON.stringify({ postgres: cluster.version, rounds, events, rows: rows.map(summary) }, null, 2) : `PostgreSQL ${cluster.version}, ${rounds} rounds of ${events.toLocaleString('en')} events, fsync and synchronous_commit on\n\n${table(rows)}`)
}
finally {
  await cluster.stop()
}
