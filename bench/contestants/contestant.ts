/** One way to get from "event enqueued" to "decision durable". */
export interface Contestant {
  name: string
  /** makes its tables in an empty database, and connects */
  prepare: (url: string) => Promise<void>
  /** enqueues events in bulk; not measured */
  load: (events: number) => Promise<void>
  /** takes one batch in each connection that is kept, so that each has its plans again; not measured. @returns how many events those were */
  warm?: () => Promise<number>
  /** works until nothing is left; this is what is measured */
  drain: () => Promise<void>
  close: () => Promise<void>
}

export const sum = (counts: number[]): number => counts.reduce((total, count) => total + count, 0)
