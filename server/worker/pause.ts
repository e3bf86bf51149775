import { setTimeout as sleep } from 'node:timers/promises'

/** Sleeps, or wakes early when the signal comes. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch((error: Error) => {
    if (error.name !== 'AbortError') throw error
  })
}

/** Waits after a fault, longer each time that it is met again. */
export class Backoff {
  readonly #first: number
  readonly #most: number
  #next: number

  constructor(first: number, most: number) {
    [this.#first, this.#most, this.#next] = [first, most, first]
  }

  /** In milliseconds. */
  get next(): number {
    return this.#next
  }

  /** It went well. */
  reset(): void {
    this.#next = this.#first
  }

  async wait(signal: AbortSignal): Promise<void> {
    const ms = this.#next
    this.#next = Math.min(ms * 2, this.#most)
    await pause(ms, signal)
  }
}
