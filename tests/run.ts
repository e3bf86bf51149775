/**
 * `npm test [-- STAGE…]`: everything that must hold, one stage after the other (or some of one core each); all of
 * them run, also after a failure. The last line counts: tests, and each check without tests of its own (lint, types, build) as one.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { buildConsole } from '../server/cli/console.ts'

const ROOT = join(import.meta.dirname, '..')
const BIN = join(ROOT, 'node_modules/.bin')
const GRACE_MS = 60_000

interface Outcome { passed: number, failed: number }
interface Stage {
  does: string
  run: (report: string) => Promise<Outcome>
  /** it runs beside the stage before it: each takes a core at most, and not all the time */
  beside?: true
}

const children = new Set<ChildProcess>()
let stopped: NodeJS.Signals | undefined

/** Runs a program of node_modules/.bin, its output live, in a process group that is stopped as a whole; its exit status. */
async function run(program: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<number> {
  const file = program === 'node' ? process.execPath : join(BIN, program)
  const child = spawn(file, args, {
    cwd: ROOT,
    detached: true,
    env: { ...process.env, NUXT_TELEMETRY_DISABLED: '1', PATH: `${BIN}${delimiter}${process.env.PATH}`, ...env },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  children.add(child)
  const [status] = await once(child, 'exit') as [number | null]
  children.delete(child)
  return status ?? 1
}

const check = (passes: boolean): Outcome => passes ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 }

/** What a report of tests counts, and a failure more where the status knows of one that no test tells. */
function counted(report: string, status: number, count: (json: unknown) => Outcome): Outcome {
  const { passed, failed } = existsSync(report) ? count(JSON.parse(readFileSync(report, 'utf8'))) : { passed: 0, failed: 0 }
  if (passed + failed === 0) console.log('no test ran')
  return { passed, failed: failed || (status !== 0 || passed === 0 ? 1 : 0) }
}

interface VitestReport { numPassedTests: number, numFailedTests: number, testResults: { status: string, assertionResults: unknown[] }[] }

const vitest = (...projects: string[]) => async (report: string): Promise<Outcome> => {
  const status = await run('vitest', ['run', ...projects.flatMap(project => ['--project', project]), '--reporter=default', '--reporter=json', `--outputFile.json=${report}`])
  return counted(report, status, (json) => {
    const { numPassedTests, numFailedTests, testResults } = json as VitestReport
    // A file that cannot be loaded, or whose hooks fail at once, holds no test.
    const broken = testResults.filter(file => file.status === 'failed' && file.assertionResults.length === 0).length
    return { passed: numPassedTests, failed: numFailedTests + broken }
  })
}

interface PlaywrightReport { stats: { expected: number, unexpected: number, flaky: number } }

async function playwright(report: string): Promise<Outcome> {
  const status = await run('node', ['tests/e2e/serve.ts', 'playwright', 'test', '--reporter=list,json'], { PLAYWRIGHT_JSON_OUTPUT_FILE: report })
  // What passes only at the second try does not pass.
  return counted(report, status, json => (({ stats }) => ({ passed: stats.expected, failed: stats.unexpected + stats.flaky }))(json as PlaywrightReport))
}

async function build(): Promise<Outcome> {
  try {
    const isNew = await buildConsole(seconds => Math.round(seconds) % 10 === 0 && console.log(`building … ${seconds.toFixed(0)} s`))
    console.log(isNew ? 'built' : 'the last build is of these very sources')
    return check(true)
  }
  catch (error) {
    const { message } = error as Error
    console.error(message)
    const log = / see (.+)$/.exec(message)?.[1]
    if (log && existsSync(log)) console.error(readFileSync(log, 'utf8'))
    return check(false)
  }
}

const STAGES: Record<string, Stage> = {
  types: { does: 'type check', run: async () => check(await run('nuxt', ['typecheck']) === 0) },
  lint: { does: 'ESLint', run: async () => check(await run('eslint', ['.']) === 0), beside: true },
  unit: { does: 'unit tests', run: vitest('unit') },
  house: { does: 'house rules', run: vitest('house'), beside: true },
  build: { does: 'production build', run: build, beside: true },
  db18: { does: 'database tests, PostgreSQL 18', run: vitest('db18') },
  db15: { does: 'database tests, PostgreSQL 15', run: vitest('db15') },
  db17: { does: 'hostile sessions, PostgreSQL 16 and 17', run: vitest('db16', 'db17'), beside: true },
  e2e: { does: 'the console in a browser', run: playwright },
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // A second signal waits for nobody.
    const how = stopped ? 'SIGKILL' : 'SIGTERM'
    stopped = signal
    if (!children.size) process.exit(1)
    for (const child of children) process.kill(-child.pid!, how)
    setTimeout(() => children.forEach(child => process.kill(-child.pid!, 'SIGKILL')), GRACE_MS).unref()
  })
}

const wanted = process.argv.slice(2)
const unknown = wanted.filter(name => !(name in STAGES))
if (unknown.length) {
  console.error(`no such stage: ${unknown.join(', ')}; there are ${Object.keys(STAGES).join(', ')}`)
  process.exit(2)
}

const reports = mkdtempSync(join(tmpdir(), 'iu-test-reports-'))
const total: Outcome = { passed: 0, failed: 0 }
const lines: string[] = []

async function runStage(name: string, { does, run }: Stage): Promise<void> {
  if (stopped) return
  console.log(`\n── ${name}: ${does}`)
  const started = performance.now()
  const { passed, failed } = await run(join(reports, `${name}.json`))
  total.passed += passed
  total.failed += failed
  lines.push(`${failed ? '✗' : '✓'} ${name.padEnd(6)} ${String(passed).padStart(5)} passed ${String(failed).padStart(5)} failed ${((performance.now() - started) / 1000).toFixed(0).padStart(5)} s`)
}

let before = Promise.resolve()
for (const [name, stage] of Object.entries(STAGES)) {
  if (wanted.length && !wanted.includes(name)) continue
  if (!stage.beside) await before
  before = Promise.all([before, runStage(name, stage)]).then(() => {})
}
await before
rmSync(reports, { recursive: true })
console.log(`\n${lines.join('\n')}\n`)
if (stopped) console.log(`stopped by ${stopped}`)
console.log(`${total.passed} passed, ${total.failed} failed`)
process.exitCode = total.failed || stopped ? 1 : 0
