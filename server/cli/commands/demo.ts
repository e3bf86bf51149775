import { fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { defineCommand } from 'citty'
import type pg from 'pg'
import { carry, RefusedCommand } from '../../commands/carry.ts'
import { ensureFirstAdmin } from '../../commands/first-admin.ts'
import { LIMITS } from '../../db/connection.ts'
import { listGates } from '../../db/functions/gate.ts'
import { demoDocuments } from '../../demo/documents.ts'
import { installShop, runShop } from '../../demo/shop.ts'
import { ensureSecret } from '../../embedded/index.ts'
import { LOOPBACK } from '../../../shared/loopback.ts'
import { pollWorker } from '../../worker/poll.ts'
import { buildConsole, endChild, freePort, startConsole, withoutTargets } from '../console.ts'
import { connect, DATA, loginUrl, openTarget, ROOT, within, ownLogin, type Target } from '../database.ts'
import type { RefusedFile } from '../../import/import.ts'
import { countOf, importAll, isRefused } from '../importing.ts'
import { handOver } from '../password.ts'
import { count, EXIT, note, Refusal, say } from '../report.ts'
import { stopSignal } from '../signals.ts'

const PORT = 4600
/** What a first look needs; never iu_core.execution_enabled. */
const GATES = ['iu_core.operator_runtime_enabled', 'iu_core.composer_enabled', 'iu_core.autocut_enabled', 'iu_core.routes_master_enabled', 'iu_core.route_worker_enabled']

/** One line a step, with how long it took. */
async function step<T>(what: string, work: () => Promise<T>, outcome: (result: T) => string): Promise<T> {
  const started = performance.now()
  const result = await work()
  note(`✓ ${what}: ${outcome(result)} (${((performance.now() - started) / 1000).toFixed(1)} s)`)
  return result
}

/** Opens the gates that nobody has touched yet: a second run respects what an operator closed. */
async function openGates(client: pg.Client): Promise<string[]> {
  const untouched = (await listGates(client)).filter(gate => GATES.includes(gate.gate) && gate.reason === 'seeded closed')
  for (const { gate } of untouched) await carry(client, 'dot_iu_open_gate', { gate }, { reason: 'the demo shows it open', confirm: gate })
  return untouched.map(({ gate }) => gate)
}

async function importDocuments(target: Target): Promise<string> {
  try {
    const results = await importAll(target.url, demoDocuments(ROOT), { prefix: '' })
    // What somebody has worked on here stays; iu import says more of it.
    const [kept, refused] = [results.filter(result => isRefused(result) && result.friction), results.filter(result => isRefused(result) && !result.friction)] as RefusedFile[][]
    if (refused!.length) throw new Refusal(refused!.map(({ file, message }) => `${file}: ${message}`).join('\n'))
    return `${count(results.length, 'document')}, ${countOf(results, 'created')} new, ${countOf(results, 'updated')} changed, ${countOf(results, 'unchanged')} unchanged; each renders to its source's bytes${kept!.length ? `, but ${count(kept!.length, 'document')} that would lose work done here stays as it is` : ''}`
  }
  catch (error) {
    if (!(error instanceof RefusedCommand) || error.receipt.code !== 'gate_closed') throw error
    return `left as they are: ${(error as Error).message}`
  }
}

async function seed(target: Target, signal: AbortSignal): Promise<void> {
  const workerUrl = await within(target.url, async (client) => {
    await step('account', () => ensureFirstAdmin(client, handOver), isMade => isMade ? 'made admin' : 'there already')
    await step('gates', () => openGates(client), opened => opened.length ? `opened ${opened.join(', ')}` : 'as they were left')
    await step('documents', () => importDocuments(target), outcome => outcome)
    await step('application', async () => {
      await installShop(client)
      return within(await loginUrl(client, target.url, 'demo_shop'), runShop)
    }, asked => `the demo shop sold, and asked for ${asked} events of its own (a repeat finds the first)`)
    return ownLogin(client, target.url, 'demo_worker')
  })
  await step('worker', () => pollWorker({
    batchSize: 1000, pollMs: 50, until: 'drain', signal,
    connect: () => connect(workerUrl, 'iu worker', LIMITS.pass),
  }), total => `${count(total.seen, 'event')} routed, ${total.dead_lettered} dead-lettered`)
}

function build(signal: AbortSignal): Promise<boolean> {
  const line = (seconds: number) => `building the console, about a minute the first time … ${seconds.toFixed(0)} s`
  if (!process.stderr.isTTY) return buildConsole(seconds => Math.round(seconds) % 10 === 1 && note(line(seconds)), signal)
  return buildConsole(seconds => process.stderr.write(`\r\u001B[2K${line(seconds)}`), signal).finally(() => process.stderr.write('\r\u001B[2K'))
}

/** Serves the console and keeps a worker running until the signal; whoever ends early ends the demo. */
async function serve(target: Target, wantedPort: number, signal: AbortSignal): Promise<void> {
  const [consoleUrl, workerUrl] = await within(target.url, async client => [await loginUrl(client, target.url, 'iu_console'), await ownLogin(client, target.url, 'demo_worker')])
  const port = await freePort(wantedPort)
  const children = [
    await startConsole(consoleUrl, port, await ensureSecret(DATA, 'console_session', () => randomBytes(32).toString('base64url')), workerUrl),
    fork(join(ROOT, 'server/cli/iu.ts'), ['worker'], { env: { ...withoutTargets(), DATABASE_URL: workerUrl }, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] }),
  ]
  say(`\n  IU Core is at  http://${LOOPBACK}:${port}\n\n  Sign in as admin (iu account passwd admin makes a new password).\n  Ctrl-C stops everything; the data stay in ${DATA}\n`)
  const ended = children.map(child => once(child, 'exit'))
  await Promise.race([...ended, new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }))])
  const early = signal.aborted ? undefined : children.find(child => child.exitCode !== null || child.signalCode !== null)
  if (!early) note('stopping …')
  await Promise.all(children.map(endChild))
  if (early) throw new Refusal(`${early === children[0] ? 'the console' : 'the worker'} ended by itself (${early.signalCode ?? `status ${early.exitCode}`})`, EXIT.failed)
}

export default defineCommand({
  meta: { name: 'demo', description: 'start everything with real documents in it, and serve the console' },
  args: {
    port: { type: 'string', default: process.env.PORT ?? String(PORT), description: `preferred port on ${LOOPBACK}` },
    serve: { type: 'boolean', default: true, description: 'serve the console', negativeDescription: 'only fill the database' },
  },
  async run({ args }) {
    const port = Number(args.port)
    if (!Number.isInteger(port) || port < 0 || port > 65535) throw new Refusal(`--port: "${args.port}" is not a port`, EXIT.usage)
    if (process.env.DATABASE_URL) throw new Refusal('the demo uses the embedded database only: unset DATABASE_URL', EXIT.usage)
    const signal = stopSignal()
    const target = await openTarget({ onStep: message => note(`  ${message}`) })
    try {
      await seed(target, signal)
      if (!args.serve || signal.aborted) return
      await step('console', () => build(signal), built => built ? 'built' : signal.aborted ? 'left' : 'the last build is of these sources')
      if (!signal.aborted) await serve(target, port, signal)
    }
    finally {
      await target.close()
    }
  },
})
