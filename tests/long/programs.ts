/** Programs of the checkout that the long tests start, kill and wait for; and how long they go on. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import type { Queryable } from '../db/world.ts'

export const ROOT = join(import.meta.dirname, '../..')

/** How long a test goes on: `otherwise` seconds, or what IU_LONG_SECONDS says. */
export function seconds(otherwise: number): number {
  const asked = Number(process.env.IU_LONG_SECONDS ?? otherwise)
  if (!(asked > 0)) throw new Error(`IU_LONG_SECONDS: "${process.env.IU_LONG_SECONDS}" is no number of seconds`)
  return asked
}

/** Starts a program of the checkout; it does not outlive the test. */
export function start(args: string[], env: Record<string, string>): ChildProcess {
  const child = spawn(process.execPath, args, { cwd: ROOT, env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'pipe'] })
  const said: string[] = []
  child.stderr!.on('data', chunk => said.push(String(chunk)))
  child.once('exit', (code) => {
    if (code) console.error(`${args.join(' ')} ended with ${code}:\n${said.slice(-20).join('')}`)
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

/** `iu worker`, of every worker there is. */
export const startWorker = (url: string): ChildProcess => start(['server/cli/iu.ts', 'worker', '--poll', '5', '--batch', '500'], { DATABASE_URL: url })

/** Kills a program that still runs. */
export async function kill(child: ChildProcess): Promise<void> {
  expect([child.exitCode, child.signalCode]).toEqual([null, null])
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
}

export async function eventsSeen(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ seen: string }>('SELECT sum(events_seen) AS seen FROM iu_core.iu_route_worker_cursor')
  return Number(rows[0]!.seen)
}

/** Until events have been routed since the call. */
export async function untilRouting(db: Queryable): Promise<void> {
  const before = await eventsSeen(db)
  await expect.poll(() => eventsSeen(db).catch(() => 0), { interval: 20 }).toBeGreaterThan(before)
}

/** Until the backends of killed workers have let go of their cursors. */
export async function untilGone(db: Queryable): Promise<void> {
  await expect.poll(async () => (await db.query(`SELECT FROM pg_stat_activity WHERE application_name = 'iu worker' AND datname = current_database()`)).rowCount).toBe(0)
}
