import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { Client } from 'pg'
import { rootOf, stateOf } from '../db/faults.ts'
import { beatWorker, leaveWorker, type Pass, type WorkerProcess } from '../db/functions/worker-run.ts'

/** Often enough to be believed (the view calls a process stale after twenty seconds), and seldom enough to cost nothing. */
const BEAT_MS = 5000

/** One process's row in iu_worker_process. */
export class Heartbeat {
  readonly #process: WorkerProcess
  #lastAt = -Infinity
  #isThere = false
  #said?: string

  constructor(kind: WorkerProcess['kind'], workerCode: string | undefined) {
    this.#process = { id: randomUUID(), kind, workerCode: workerCode ?? null, host: hostname(), pid: process.pid }
  }

  /** Says that the process lives, and what is in its way, unless it has just said so. */
  async beat(client: Client, status: Pass['status'], seen: number, fault?: Error): Promise<void> {
    const said = fault && `${stateOf(fault) ?? ''} ${rootOf(fault).message}`.trim()
    if (performance.now() - this.#lastAt < BEAT_MS && said === this.#said) return
    await beatWorker(client, this.#process, status, seen, said)
    this.#lastAt = performance.now()
    this.#said = said
    this.#isThere = true
  }

  /** Takes the row away. */
  async leave(client: Client): Promise<void> {
    if (this.#isThere) await leaveWorker(client, this.#process.id)
    this.#isThere = false
    this.#lastAt = -Infinity
  }
}
